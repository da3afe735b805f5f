//! The cache before a store: rows by key, believed only while the feed is fresh.
//!
//! A row from the cache was in the store when the feed was last read, or later. Rows of one load come from
//! the store together, from one snapshot, as soon as one of them is not in the cache; rows that all are in
//! the cache may be of neighbouring moments. What must be exact says so with [`Change::Require`] or a version.
//!
//! [`Change::Require`]: countersign_engine::commit::Change::Require

use crate::{
    bell::Bell,
    generations::Generations,
    tables::{is_cacheable, required, touched},
};
use countersign_engine::{
    bounds::{ABSENCE_FOR, CACHED_ROWS_MAX, FACT_FOR, FEED_FRESH_FOR, FEED_ROWS_FOR},
    commit::{Change, Commit, CommitError},
    denied::Fault,
    model::audit::AuditEvent,
    ports::{
        Clock, Cursor, FeedCursor, FeedPage, Freshness, Generation, Housekeeping, Kept, Page,
        Pending, Query, Store,
    },
    row::{Key, Stored},
};
use quick_cache::sync::Cache;
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Shards of generations: enough that an invalidation rarely hits a neighbour, 64 KiB in all.
const SHARDS: usize = 1024;

/// What a key led to, and when that was asked.
#[derive(Debug, Clone)]
struct Entry {
    stored: Option<Arc<Stored>>,
    asked: Duration,
}

/// How the cache does, for the server's metrics.
#[derive(Debug, Default)]
pub struct CacheCounters {
    /// Loads answered from the cache. Counted per load, not per key.
    pub hits: AtomicU64,
    /// Loads that went to the store.
    pub misses: AtomicU64,
    /// Keys invalidated, by this node's commits and by the feed.
    pub invalidations: AtomicU64,
    /// Successful reads of the feed.
    pub feed_reads: AtomicU64,
}

/// A store with a cache before it. See the module.
pub struct CachedStore<S: Store + ?Sized> {
    clock: Arc<dyn Clock>,
    rows: Cache<Key, Entry>,
    hasher: RandomState,
    generations: Generations,
    /// When the last successful read of the feed was sent, in microseconds of the monotonic clock, plus one; 0: never.
    fresh_since: AtomicU64,
    cursor: tokio::sync::Mutex<Option<FeedCursor>>,
    counters: CacheCounters,
    outbox: Arc<tokio::sync::Notify>,
    bell: Arc<Bell>,
    store: Arc<S>,
}

impl<S: Store + ?Sized> std::fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedStore")
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl<S: Store + ?Sized> CachedStore<S> {
    /// An empty cache before `store`. It answers from memory only once [`CachedStore::poll_feed`] has run.
    pub fn new(store: Arc<S>, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            rows: Cache::new(CACHED_ROWS_MAX),
            hasher: RandomState::new(),
            generations: Generations::new(SHARDS),
            fresh_since: AtomicU64::new(0),
            cursor: tokio::sync::Mutex::new(None),
            counters: CacheCounters::default(),
            outbox: Arc::default(),
            bell: Arc::default(),
            store,
        }
    }

    /// The store behind the cache.
    pub fn behind(&self) -> &Arc<S> {
        &self.store
    }

    /// Rung when a commit of this node has written something that has to leave.
    pub fn outbox(&self) -> &Arc<tokio::sync::Notify> {
        &self.outbox
    }

    /// Rung when rows have changed, by whichever node.
    pub fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// How the cache does.
    pub fn counters(&self) -> &CacheCounters {
        &self.counters
    }

    /// Rows in the cache.
    pub fn cached_rows(&self) -> usize {
        self.rows.len()
    }

    /// How long ago the last successful read of the feed was sent; none: there was none yet.
    pub fn feed_age(&self) -> Option<Duration> {
        let since = self.fresh_since.load(Ordering::Acquire).checked_sub(1)?;
        let now = self.clock.monotonic();
        Some(now.saturating_sub(Duration::from_micros(since)))
    }

    /// What the cache knows of a key: nothing, that there is no row, or the row. No I/O, no await.
    pub fn peek(&self, key: &Key) -> Option<Option<Arc<Stored>>> {
        let now = self.fresh_now()?;
        self.peek_at(now, key)
    }

    fn peek_at(&self, now: Duration, key: &Key) -> Option<Option<Arc<Stored>>> {
        let entry = self.rows.get(key)?;
        let believed_for = match entry.stored {
            Some(_) => FACT_FOR,
            None => ABSENCE_FOR,
        };
        (now.saturating_sub(entry.asked) <= believed_for).then_some(entry.stored)
    }

    /// The time, if the feed was read recently enough to believe anything.
    fn fresh_now(&self) -> Option<Duration> {
        let since = self.fresh_since.load(Ordering::Acquire).checked_sub(1)?;
        let now = self.clock.monotonic();
        let age = now.saturating_sub(Duration::from_micros(since));
        (age <= FEED_FRESH_FOR).then_some(now)
    }

    fn cached(&self, keys: &[Key]) -> Option<Vec<Option<Arc<Stored>>>> {
        let now = self.fresh_now()?;
        keys.iter().map(|key| self.peek_at(now, key)).collect()
    }

    async fn load_through(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Stored>>>, Fault> {
        let noted: Vec<Generation> = keys.iter().map(|key| self.generation(key)).collect();
        let asked = self.clock.monotonic();
        let rows = self.store.load(keys).await?;
        for ((key, row), noted) in keys.iter().zip(&rows).zip(noted) {
            if is_cacheable(key) {
                let entry = Entry {
                    stored: row.clone(),
                    asked,
                };
                self.generations.insert(noted.shard, noted.count, || {
                    self.rows.insert(key.clone(), entry);
                });
            }
        }
        Ok(rows)
    }

    fn shard(&self, key: &Key) -> u32 {
        self.generations.shard_of(self.hasher.hash_one(key))
    }

    fn invalidate(&self, keys: &[Key]) {
        for key in keys {
            self.generations.invalidate(self.shard(key), || {
                self.rows.remove(key);
            });
        }
        // Last: whoever wakes reads the new row.
        self.bell.ring(keys);
        let keys = keys.len() as u64;
        self.counters
            .invalidations
            .fetch_add(keys, Ordering::Relaxed);
    }

    fn invalidate_all(&self) {
        // Raised before: no load that was under way may insert what it read. Raised after: no fact may
        // hold a generation that it noted while the old rows were still here.
        self.raise_all();
        self.rows.clear();
        self.raise_all();
        self.bell.ring_all();
    }

    fn raise_all(&self) {
        for shard in self.generations.shards() {
            self.generations.invalidate(shard, || {});
        }
    }

    /// Read the feed to its end and drop what it names. A worker calls this every
    /// [`FEED_EVERY`](countersign_engine::bounds::FEED_EVERY).
    ///
    /// # Errors
    /// When the store cannot be read. What is cached is then believed until it is [`FEED_FRESH_FOR`] old.
    pub async fn poll_feed(&self) -> Result<(), Fault> {
        let mut cursor = self.cursor.lock().await;
        loop {
            let sent = self.clock.monotonic();
            let page = self.store.feed(cursor.as_ref()).await?;
            // With the first cursor nothing is known of what happened before; after a gap that is long
            // against the life of feed rows, rows may have been swept unread.
            let gap = self.feed_age().is_none_or(|age| age > FEED_ROWS_FOR / 2);
            if cursor.is_none() || gap {
                self.invalidate_all();
            }
            self.invalidate(&page.touched);
            *cursor = Some(page.next);
            if !page.more {
                let sent = u64::try_from(sent.as_micros()).unwrap_or(u64::MAX - 1);
                self.fresh_since.fetch_max(sent + 1, Ordering::Release);
                self.counters.feed_reads.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
        }
    }
}

/// Invalidates when it goes, however it goes: a commit whose future was dropped, or that ended in a fault,
/// may have happened.
struct InvalidateOnDrop<'a, S: Store + ?Sized> {
    cache: &'a CachedStore<S>,
    keys: Vec<Key>,
}

impl<S: Store + ?Sized> Drop for InvalidateOnDrop<'_, S> {
    fn drop(&mut self) {
        self.cache.invalidate(&self.keys);
    }
}

impl<S: Store + ?Sized> Store for CachedStore<S> {
    fn load<'a>(&'a self, keys: &'a [Key]) -> Pending<'a, Result<Vec<Option<Arc<Stored>>>, Fault>> {
        if let Some(rows) = self.cached(keys) {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Box::pin(std::future::ready(Ok(rows)));
        }
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        Box::pin(self.load_through(keys))
    }

    fn list<'a>(
        &'a self,
        query: &'a Query,
        after: Option<&'a Cursor>,
        limit: u32,
    ) -> Pending<'a, Result<Page, Fault>> {
        self.store.list(query, after, limit)
    }

    fn commit(&self, commit: Commit) -> Pending<'_, Result<(), CommitError>> {
        Box::pin(async move {
            let _after = InvalidateOnDrop {
                cache: self,
                keys: touched(&commit.changes),
            };
            let is_leaving = |change: &Change| matches!(change.key(), Key::Delivery(..));
            let leaves = commit.changes.iter().any(is_leaving);
            let required = required(&commit.changes);
            let done = self.store.commit(commit).await;
            if matches!(done, Err(CommitError::Conflict { .. })) {
                // What was required may be older here than in the store: whoever decides again must read it anew.
                self.invalidate(&required);
            }
            done?;
            if leaves {
                self.outbox.notify_one();
            }
            Ok(())
        })
    }

    fn feed<'a>(&'a self, after: Option<&'a FeedCursor>) -> Pending<'a, Result<FeedPage, Fault>> {
        self.store.feed(after)
    }

    fn observe(&self, batch: Vec<AuditEvent>) -> Pending<'_, Result<(), Fault>> {
        self.store.observe(batch)
    }

    fn keep(&self, work: Housekeeping) -> Pending<'_, Result<Kept, Fault>> {
        self.store.keep(work)
    }
}

impl<S: Store + ?Sized> Freshness for CachedStore<S> {
    fn generation(&self, key: &Key) -> Generation {
        let shard = self.shard(key);
        Generation {
            shard,
            count: self.generations.now(shard).unwrap_or(0),
        }
    }

    fn is_fresh(&self) -> bool {
        self.fresh_now().is_some()
    }

    fn stand(&self, generations: &[Generation]) -> bool {
        let stands = |noted: &Generation| self.generations.now(noted.shard) == Some(noted.count);
        generations.iter().all(stands)
    }
}
