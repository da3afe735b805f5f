//! The one suite, against every engine, bare and behind the cache.

use crate::clock::TestClock;
use countersign_engine::ports::Store;
use countersign_store::{CachedStore, conformance, memory::MemoryStore, sqlite};
use std::{path::Path, sync::Arc};

fn new_sqlite(folder: &Path, number: &mut u32) -> Arc<dyn Store> {
    *number += 1;
    let path = folder.join(format!("{number}.sqlite"));
    Arc::new(sqlite::open(&path, &sqlite::Settings::default()).unwrap())
}

async fn behind_a_cache(store: Arc<dyn Store>) -> Arc<dyn Store> {
    let cached = CachedStore::new(store, TestClock::new());
    cached.poll_feed().await.unwrap();
    Arc::new(cached)
}

#[tokio::test]
async fn memory_conforms() {
    conformance::run(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn sqlite_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    conformance::run(async || new_sqlite(folder.path(), &mut number)).await;
}

#[tokio::test]
async fn memory_behind_a_cache_conforms() {
    conformance::run(async || behind_a_cache(Arc::new(MemoryStore::new())).await).await;
}

#[tokio::test]
async fn sqlite_behind_a_cache_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    conformance::run(async || behind_a_cache(new_sqlite(folder.path(), &mut number)).await).await;
}
