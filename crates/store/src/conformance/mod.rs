//! What every engine must do, as tests that any engine can be run against.
//!
//! Each case is given an empty store. It fails by panicking, as tests do: this module is test code that lies
//! in the library so that engines to come can use it, and nothing else calls it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

macro_rules! cases {
    ($($name:ident)*) => {
        pub(super) fn cases() -> Vec<(&'static str, $crate::conformance::Case)> {
            vec![$((stringify!($name), |store| Box::pin($name(store)))),*]
        }
    };
}
mod changes;
mod feed;
mod housekeeping;
mod lists;
mod outbox;
pub mod people;
mod races;
pub mod samples;

use countersign_engine::{
    commit::{Change, Commit, CommitError, Version},
    ports::{Cursor, FeedCursor, Page, Query, Store},
    row::{Key, Row, Stored},
};
use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

/// One rule, and how a store is seen to keep it.
pub type Case = for<'a> fn(&'a dyn Store) -> Doing<'a, ()>;

/// A future of a case; cases run where they were started.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Every case, by a name that says the rule.
pub fn cases() -> Vec<(&'static str, Case)> {
    [
        changes::cases(),
        lists::cases(),
        feed::cases(),
        housekeeping::cases(),
        outbox::cases(),
        races::cases(),
    ]
    .concat()
}

/// Run every case, each on a store of its own.
pub async fn run(mut fresh: impl AsyncFnMut() -> Arc<dyn Store>) {
    for (name, case) in cases() {
        // Shown by the test runner when the case fails.
        println!("case: {name}");
        let store = fresh().await;
        case(&*store).await;
    }
}

async fn row(store: &dyn Store, key: &Key) -> Option<Arc<Stored>> {
    store
        .load(std::slice::from_ref(key))
        .await
        .unwrap()
        .remove(0)
}

async fn write(store: &dyn Store, changes: Vec<Change>) -> Result<(), CommitError> {
    store.commit(samples::commit(changes)).await
}

async fn insert(store: &dyn Store, rows: impl IntoIterator<Item = Row>) {
    let changes = rows.into_iter().map(Change::Insert).collect();
    write(store, changes).await.unwrap();
}

fn conflict(change: usize) -> Result<(), CommitError> {
    Err(CommitError::Conflict { change })
}

fn replace(row: Row, if_version: Version) -> Change {
    Change::Replace { row, if_version }
}

fn remove(row: &Row, if_version: Version) -> Change {
    let key = row.key();
    Change::Remove { key, if_version }
}

/// Every audit line, newest first.
pub async fn audit_lines(store: &dyn Store) -> Vec<Arc<Stored>> {
    let query = Query::Audit {
        environment: None,
        organization: None,
        since: None,
    };
    every_page(store, &query, 200).await
}

/// The rows of all pages of a query.
pub async fn every_page(store: &dyn Store, query: &Query, limit: u32) -> Vec<Arc<Stored>> {
    let mut rows = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page: Page = store.list(query, after.as_ref(), limit).await.unwrap();
        assert!(page.rows.len() <= limit as usize);
        rows.extend(page.rows);
        match page.next {
            Some(next) => after = Some(next),
            None => return rows,
        }
    }
}

/// The keys that the feed tells of after a cursor, and where it ends.
pub async fn told_since(store: &dyn Store, after: &FeedCursor) -> (Vec<Key>, FeedCursor) {
    let mut keys = Vec::new();
    let mut after = after.clone();
    loop {
        let page = store.feed(Some(&after)).await.unwrap();
        keys.extend(page.touched);
        after = page.next;
        if !page.more {
            return (keys, after);
        }
    }
}

/// Where the feed is now.
pub async fn present(store: &dyn Store) -> FeedCursor {
    let page = store.feed(None).await.unwrap();
    assert_eq!((page.touched, page.more), (vec![], false));
    page.next
}

/// Drive all of these at once, so that the store has all of them waiting.
pub async fn together<T>(futures: Vec<Doing<'_, T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (None, future)).collect();
    poll_fn(|context| {
        let mut left = 0;
        for (done, future) in &mut waiting {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *done = Some(value),
                    Poll::Pending => left += 1,
                }
            }
        }
        if left == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    waiting.into_iter().filter_map(|(done, _)| done).collect()
}

/// A commit, not yet polled.
fn waiting(store: &dyn Store, commit: Commit) -> Doing<'_, Result<(), CommitError>> {
    store.commit(commit)
}
