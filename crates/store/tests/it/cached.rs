//! What the cache believes, and when it stops.

use crate::clock::TestClock;
use countersign_engine::{
    bounds::{ABSENCE_FOR, FACT_FOR, FEED_FRESH_FOR, FEED_ROWS_FOR},
    commit::{Change, Commit, CommitError},
    denied::Fault,
    model::audit::AuditEvent,
    ports::{
        Cursor, FeedCursor, FeedPage, Freshness, Housekeeping, Kept, Page, Pending, Query, Store,
    },
    row::{Key, Stored},
};
use countersign_store::{CachedStore, conformance::samples::*, memory::MemoryStore};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinSet};

/// A store that counts its loads and can be made to stop in the middle of one, to lose its feed, or to
/// lose the answer to a commit.
#[derive(Default)]
struct Stage {
    rows: MemoryStore,
    loads: AtomicU64,
    park_loads: AtomicBool,
    park_commits: AtomicBool,
    parked: Option<(Semaphore, Semaphore)>,
    feed_away: AtomicBool,
    lose_answers: AtomicBool,
}

impl Stage {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            parked: Some((Semaphore::new(0), Semaphore::new(0))),
            ..Self::default()
        })
    }

    fn gates(&self) -> &(Semaphore, Semaphore) {
        self.parked.as_ref().unwrap()
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }
}

impl Store for Stage {
    fn load<'a>(&'a self, keys: &'a [Key]) -> Pending<'a, Result<Vec<Option<Arc<Stored>>>, Fault>> {
        Box::pin(async move {
            self.loads.fetch_add(1, SeqCst);
            let rows = self.rows.load(keys).await;
            if self.park_loads.load(SeqCst) {
                let (reached, go_on) = self.gates();
                reached.add_permits(1);
                go_on.acquire().await.unwrap().forget();
            }
            rows
        })
    }

    fn list<'a>(
        &'a self,
        query: &'a Query,
        after: Option<&'a Cursor>,
        limit: u32,
    ) -> Pending<'a, Result<Page, Fault>> {
        self.rows.list(query, after, limit)
    }

    fn commit(&self, commit: Commit) -> Pending<'_, Result<(), CommitError>> {
        Box::pin(async move {
            self.rows.commit(commit).await?;
            if self.park_commits.load(SeqCst) {
                self.gates().1.acquire().await.unwrap().forget();
            }
            if self.lose_answers.load(SeqCst) {
                return Err(Fault::unavailable("the answer was lost").into());
            }
            Ok(())
        })
    }

    fn feed<'a>(&'a self, after: Option<&'a FeedCursor>) -> Pending<'a, Result<FeedPage, Fault>> {
        Box::pin(async move {
            if self.feed_away.load(SeqCst) {
                return Err(Fault::unavailable("the feed is away"));
            }
            self.rows.feed(after).await
        })
    }

    fn observe(&self, batch: Vec<AuditEvent>) -> Pending<'_, Result<(), Fault>> {
        self.rows.observe(batch)
    }

    fn keep(&self, work: Housekeeping) -> Pending<'_, Result<Kept, Fault>> {
        self.rows.keep(work)
    }
}

async fn fresh() -> (Arc<Stage>, Arc<CachedStore<Stage>>, Arc<TestClock>) {
    let (stage, clock) = (Stage::new(), TestClock::new());
    let cached = Arc::new(CachedStore::new(Arc::clone(&stage), clock.clone()));
    cached.poll_feed().await.unwrap();
    (stage, cached, clock)
}

fn key() -> Key {
    organization("org_a").key()
}

async fn insert(store: &dyn Store) {
    let changes = vec![Change::Insert(organization("org_a"))];
    store.commit(commit(changes)).await.unwrap();
}

async fn replace(store: &dyn Store, if_version: u64) -> Result<(), CommitError> {
    let row = organization("org_a");
    store
        .commit(commit(vec![Change::Replace { row, if_version }]))
        .await
}

async fn version(store: &dyn Store) -> Option<u64> {
    let rows = store.load(&[key()]).await.unwrap();
    rows[0].as_ref().map(|row| row.version)
}

#[tokio::test]
async fn a_second_load_does_not_reach_the_store() {
    let (stage, cached, _) = fresh().await;
    insert(&*cached).await;
    assert_eq!(cached.peek(&key()), None);
    assert_eq!(version(&*cached).await, Some(1));
    assert_eq!(version(&*cached).await, Some(1));
    assert_eq!(stage.loads(), 1);
    assert_eq!(cached.peek(&key()).unwrap().unwrap().version, 1);
    assert_eq!(
        (
            cached.counters().hits.load(SeqCst),
            cached.counters().misses.load(SeqCst)
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_commit_that_was_acknowledged_during_a_load_is_seen_by_the_next_read() {
    let (stage, cached, _) = fresh().await;
    insert(&*cached).await;
    // The world stops after the load has read the old row and before it can keep it.
    stage.park_loads.store(true, SeqCst);
    let loading = Arc::clone(&cached);
    let mut load = JoinSet::new();
    load.spawn(async move { version(&*loading).await });
    stage.gates().0.acquire().await.unwrap().forget();
    stage.park_loads.store(false, SeqCst);
    replace(&*cached, 1).await.unwrap();
    stage.gates().1.add_permits(1);
    assert_eq!(
        load.join_next().await.unwrap().unwrap(),
        Some(1),
        "this load did read the old row"
    );
    assert_eq!(cached.peek(&key()), None, "and must not have kept it");
    assert_eq!(version(&*cached).await, Some(2));
}

#[tokio::test]
async fn a_feed_read_during_a_load_keeps_the_old_row_out_as_well() {
    let (stage, cached, _) = fresh().await;
    insert(&stage.rows).await;
    cached.poll_feed().await.unwrap();
    stage.park_loads.store(true, SeqCst);
    let loading = Arc::clone(&cached);
    let mut load = JoinSet::new();
    load.spawn(async move { version(&*loading).await });
    stage.gates().0.acquire().await.unwrap().forget();
    stage.park_loads.store(false, SeqCst);
    replace(&stage.rows, 1).await.unwrap();
    cached.poll_feed().await.unwrap();
    stage.gates().1.add_permits(1);
    assert_eq!(load.join_next().await.unwrap().unwrap(), Some(1));
    assert_eq!(version(&*cached).await, Some(2));
}

#[tokio::test]
async fn another_nodes_commit_is_seen_once_the_feed_was_read() {
    let (stage, cached, _) = fresh().await;
    insert(&stage.rows).await;
    cached.poll_feed().await.unwrap();
    assert_eq!(version(&*cached).await, Some(1));
    let noted = [cached.generation(&key())];
    replace(&stage.rows, 1).await.unwrap();
    assert_eq!(version(&*cached).await, Some(1), "nothing has told us yet");
    assert!(cached.holds(&noted));
    cached.poll_feed().await.unwrap();
    assert!(!cached.holds(&noted));
    assert_eq!(version(&*cached).await, Some(2));
}

#[tokio::test]
async fn nothing_is_believed_when_the_feed_was_not_read_recently() {
    let (stage, cached, clock) = fresh().await;
    insert(&*cached).await;
    cached.poll_feed().await.unwrap();
    version(&*cached).await;
    let noted = [cached.generation(&key())];
    clock.advance(FEED_FRESH_FOR);
    assert!(cached.holds(&noted));
    assert_eq!(version(&*cached).await, Some(1));
    assert_eq!(stage.loads(), 1);
    clock.advance(Duration::from_micros(1));
    assert!(!cached.holds(&noted));
    assert!(!cached.holds(&[]));
    assert_eq!(cached.peek(&key()), None);
    assert_eq!(version(&*cached).await, Some(1));
    assert_eq!(stage.loads(), 2, "it asked the store");
    stage.feed_away.store(true, SeqCst);
    cached.poll_feed().await.unwrap_err();
    assert!(!cached.holds(&noted));
    stage.feed_away.store(false, SeqCst);
    cached.poll_feed().await.unwrap();
    assert!(cached.holds(&noted));
}

#[tokio::test]
async fn a_cache_that_never_read_the_feed_believes_nothing() {
    let stage = Stage::new();
    let cached = CachedStore::new(Arc::clone(&stage), TestClock::new());
    insert(&cached).await;
    version(&cached).await;
    version(&cached).await;
    assert_eq!(stage.loads(), 2);
    assert_eq!(cached.feed_age(), None);
    // What was kept before the first cursor may be older than it.
    cached.poll_feed().await.unwrap();
    version(&cached).await;
    assert_eq!(stage.loads(), 3);
}

#[tokio::test]
async fn a_row_is_believed_for_a_minute_and_an_absence_for_two_seconds() {
    let (stage, cached, clock) = fresh().await;
    insert(&*cached).await;
    let absent = organization("org_none").key();
    let read = async || {
        cached.poll_feed().await.unwrap();
        version(&*cached).await;
        cached.load(std::slice::from_ref(&absent)).await.unwrap();
        stage.loads()
    };
    assert_eq!(read().await, 2);
    clock.advance(ABSENCE_FOR);
    assert_eq!(read().await, 2);
    assert_eq!(cached.peek(&absent), Some(None));
    clock.advance(Duration::from_micros(1));
    assert_eq!(read().await, 3, "the absence was asked for again");
    clock.advance(FACT_FOR);
    assert_eq!(read().await, 5);
}

#[tokio::test]
async fn an_absence_ends_with_the_insert() {
    let (_, cached, _) = fresh().await;
    assert_eq!(version(&*cached).await, None);
    insert(&*cached).await;
    assert_eq!(version(&*cached).await, Some(1));
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_seen_too() {
    let (stage, cached, _) = fresh().await;
    insert(&*cached).await;
    assert_eq!(version(&*cached).await, Some(1));
    stage.lose_answers.store(true, SeqCst);
    assert!(matches!(
        replace(&*cached, 1).await,
        Err(CommitError::Fault(_))
    ));
    assert_eq!(version(&*cached).await, Some(2), "it had happened");
}

#[tokio::test]
async fn what_a_refused_commit_built_on_is_read_anew() {
    let (stage, cached, _) = fresh().await;
    insert(&*cached).await;
    assert_eq!(version(&*cached).await, Some(1));
    // Another node was here, and the feed has not told us.
    replace(&stage.rows, 1).await.unwrap();
    assert_eq!(version(&*cached).await, Some(1));
    let build_on = async |if_version| {
        let required = Change::Require {
            key: key(),
            if_version,
        };
        let made = Change::Insert(organization("org_b"));
        cached.commit(commit(vec![made, required])).await
    };
    let refused = build_on(1).await;
    assert!(matches!(refused, Err(CommitError::Conflict { change: 1 })));
    assert_eq!(version(&*cached).await, Some(2));
    build_on(2).await.unwrap();
}

#[tokio::test]
async fn a_commit_whose_future_was_dropped_is_seen_too() {
    let (stage, cached, _) = fresh().await;
    insert(&*cached).await;
    assert_eq!(version(&*cached).await, Some(1));
    stage.park_commits.store(true, SeqCst);
    let mut waiting = Box::pin(replace(&*cached, 1));
    let polled = std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
    assert!(polled.is_pending(), "it is written, and not yet answered");
    assert_eq!(version(&*cached).await, Some(1));
    drop(waiting);
    assert_eq!(version(&*cached).await, Some(2));
}

#[tokio::test]
async fn what_one_commit_remembers_or_spends_is_never_cached() {
    let (stage, cached, _) = fresh().await;
    let keys = [
        idempotency("key", NOW).key(),
        Key::Spent(sandbox(), digest("jti")),
        Key::LastUsed(sandbox(), credential_id("cred_1")),
    ];
    for key in &keys {
        for _ in 0..2 {
            cached.load(std::slice::from_ref(key)).await.unwrap();
        }
        assert_eq!(cached.peek(key), None);
    }
    assert_eq!(stage.loads(), 6);
    assert_eq!(cached.cached_rows(), 0);
}

#[tokio::test]
async fn one_missing_row_loads_all_of_them_together() {
    let (stage, cached, _) = fresh().await;
    insert(&*cached).await;
    version(&*cached).await;
    // Another node changes the row and makes a second; the feed has not told us.
    replace(&stage.rows, 1).await.unwrap();
    let other = organization("org_b");
    stage
        .rows
        .commit(commit(vec![Change::Insert(other.clone())]))
        .await
        .unwrap();
    let rows = cached.load(&[key(), other.key()]).await.unwrap();
    assert_eq!(
        rows[0].as_ref().unwrap().version,
        2,
        "of the same moment as the second"
    );
    assert_eq!(rows[1].as_ref().unwrap().row, other);
}

#[tokio::test]
async fn after_a_gap_in_which_feed_rows_may_have_been_swept_nothing_is_left() {
    let (stage, cached, clock) = fresh().await;
    insert(&*cached).await;
    version(&*cached).await;
    let noted = [cached.generation(&key())];
    clock.advance(FEED_ROWS_FOR);
    replace(&stage.rows, 1).await.unwrap();
    let sweep = Housekeeping::SweepFeed {
        before: at(3600),
        limit: 100,
    };
    stage.rows.keep(sweep).await.unwrap();
    cached.poll_feed().await.unwrap();
    assert!(!cached.holds(&noted));
    assert_eq!(cached.cached_rows(), 0);
    assert_eq!(version(&*cached).await, Some(2));
}

#[tokio::test]
async fn an_invalidation_reaches_only_its_shard() {
    let (_, cached, _) = fresh().await;
    insert(&*cached).await;
    let noted = cached.generation(&key());
    let far = (0..)
        .map(|n| organization(&format!("org_{n}")).key())
        .find(|other| cached.generation(other).shard != noted.shard)
        .unwrap();
    let far_noted = cached.generation(&far);
    replace(&*cached, 1).await.unwrap();
    assert!(!cached.holds(&[noted]));
    assert!(cached.holds(&[far_noted]));
    assert!(!cached.holds(&[far_noted, noted]));
}
