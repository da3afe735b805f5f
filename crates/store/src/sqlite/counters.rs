//! What the engine counts, for the server's metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Plain counters that any thread may read at any time.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of the write-ahead log that are in use. A level, not a sum.
    pub wal_bytes: AtomicU64,
    /// Groups written, each under one fsync.
    pub groups: AtomicU64,
    /// Pieces of work in those groups: divided by `groups`, the size of a group.
    pub grouped: AtomicU64,
    /// The largest group so far.
    pub group_max: AtomicU64,
    /// Groups taken back because of an error that was nobody's conflict.
    pub groups_failed: AtomicU64,
    /// Work refused because a queue was full.
    pub refused_busy: AtomicU64,
    /// Work refused because the write-ahead log had grown past its bound.
    pub refused_wal: AtomicU64,
    /// Checkpoints run.
    pub checkpoints: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }

    pub(super) fn group(&self, size: u64) {
        Self::add(&self.groups, 1);
        Self::add(&self.grouped, size);
        self.group_max.fetch_max(size, Relaxed);
    }
}
