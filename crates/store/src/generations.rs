//! How often anything in each shard of the cache was invalidated: the protocol that keeps stale rows out.
//!
//! The model of this file runs under `loom` in the ordinary tests (`tests/it/generations.rs` includes it with
//! loom's own types in `sync`).
//!
//! - A load notes its key's generation *before* it reads the store, and keeps what it read only if the
//!   generation still stands. [`Generations::insert`] looks and inserts under the shard's lock, so no
//!   invalidation can come between.
//! - An invalidation, which comes after the change is in the store, removes the row and *then* raises the
//!   generation, under the same lock. Were it raised first, a reader could note the new generation, still
//!   find the old row, and believe it for as long as that generation stands.
//!
//! Readers take no lock: [`Generations::now`] is one atomic load.

use super::sync::{AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};

/// One shard. Aligned so that two busy shards do not share a cache line.
#[derive(Debug)]
#[repr(align(64))]
struct Shard {
    generation: AtomicU64,
    change: Mutex<()>,
}

/// All shards.
#[derive(Debug)]
pub(crate) struct Generations {
    shards: Box<[Shard]>,
}

impl Generations {
    /// So many shards, at least one.
    pub(crate) fn new(shards: usize) -> Self {
        let shard = |_| Shard {
            generation: AtomicU64::new(0),
            change: Mutex::new(()),
        };
        Self {
            shards: (0..shards.max(1)).map(shard).collect(),
        }
    }

    /// The shard of a hash.
    pub(crate) fn shard_of(&self, hash: u64) -> u32 {
        let shards = self.shards.len() as u64;
        u32::try_from(hash % shards).unwrap_or(0)
    }

    /// The shard's generation now; none if there is no such shard.
    pub(crate) fn now(&self, shard: u32) -> Option<u64> {
        // Acquire: who sees a generation also sees the removal that came before it was raised.
        let shard = self.shards.get(shard as usize)?;
        Some(shard.generation.load(Ordering::Acquire))
    }

    /// Keep what was read, if the generation noted before reading still stands.
    pub(crate) fn insert(&self, shard: u32, noted: u64, keep: impl FnOnce()) -> bool {
        let Some(_held) = self.hold(shard) else {
            return false;
        };
        let stands = self.now(shard) == Some(noted);
        if stands {
            keep();
        }
        stands
    }

    /// Drop what was kept and tell everybody who noted the generation.
    pub(crate) fn invalidate(&self, shard: u32, remove: impl FnOnce()) {
        let Some(_held) = self.hold(shard) else {
            return;
        };
        remove();
        if let Some(shard) = self.shards.get(shard as usize) {
            shard.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// Every shard's number.
    pub(crate) fn shards(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.shards.len()).unwrap_or(u32::MAX)
    }

    fn hold(&self, shard: u32) -> Option<MutexGuard<'_, ()>> {
        let shard = self.shards.get(shard as usize)?;
        Some(shard.change.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
