//! A store in memory: versions, names that are taken, things that are spent. Each step yields once, so that calls that
//! are polled in turn come between each other.

use crate::{
    commit::{Change, Commit, CommitError},
    denied::Fault,
    model::{approval::Asked, audit::AuditEvent},
    ports::{
        Cursor, FeedCursor, FeedPage, Housekeeping, Kept, Page, Pending, Query, Store, WaitingOf,
    },
    row::{Key, Row, Stored},
    time::Timestamp,
};
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

#[derive(Default)]
pub struct Ledger(Mutex<Books>);

#[derive(Default, Clone)]
struct Books {
    rows: BTreeMap<Key, Arc<Stored>>,
    audit: Vec<AuditEvent>,
    away_for: Option<&'static str>,
}

impl Ledger {
    pub fn of(rows: Vec<Row>) -> Self {
        let ledger = Self::default();
        rows.into_iter().for_each(|row| ledger.put(row));
        ledger
    }

    /// Put a row there, whatever stands there.
    pub fn put(&self, row: Row) {
        let mut books = self.0.lock().unwrap();
        let version = books.rows.get(&row.key()).map_or(1, |old| old.version + 1);
        let (key, stored) = (row.key(), stored(row, version));
        books.rows.insert(key, stored);
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Stored>> {
        self.0.lock().unwrap().rows.get(key).cloned()
    }

    pub fn remove(&self, key: &Key) {
        self.0.lock().unwrap().rows.remove(key);
    }

    pub fn rows(&self) -> Vec<Arc<Stored>> {
        self.0.lock().unwrap().rows.values().cloned().collect()
    }

    /// Be away when something is committed under this action.
    pub fn is_away_for(&self, action: &'static str) {
        self.0.lock().unwrap().away_for = Some(action);
    }

    /// Actions of the audit log, in order.
    pub fn actions(&self) -> Vec<String> {
        let books = self.0.lock().unwrap();
        books.audit.iter().map(|it| it.action.clone()).collect()
    }
}

impl Ledger {
    /// How what the audit log tells of ended, in order.
    pub fn outcomes(&self) -> Vec<String> {
        let books = self.0.lock().unwrap();
        books.audit.iter().map(|it| it.outcome.clone()).collect()
    }
}

fn stored(row: Row, version: u64) -> Arc<Stored> {
    Arc::new(Stored {
        version,
        not_before: Timestamp::EPOCH,
        row,
    })
}

impl Books {
    fn apply(&mut self, change: Change) -> Option<()> {
        let key = change.key();
        let at = |version| {
            let known = self.rows.get(&key);
            known
                .is_some_and(|row| row.version == version)
                .then_some(())
        };
        match change {
            Change::Insert(row) => {
                let old = self.rows.insert(key, stored(row, 1));
                old.is_none().then_some(())
            }
            Change::Replace { row, if_version } => {
                at(if_version)?;
                self.rows.insert(key, stored(row, if_version + 1));
                Some(())
            }
            Change::Remove { if_version, .. } => {
                at(if_version)?;
                self.rows.remove(&key);
                Some(())
            }
            Change::Require { if_version, .. } => at(if_version),
            Change::Spend(one) => {
                let mark = Row::LastUsed(
                    one.environment,
                    crate::id::CredentialId::parse("spent").unwrap(),
                    one.expires_at,
                );
                self.rows
                    .insert(key, stored(mark, 1))
                    .is_none()
                    .then_some(())
            }
            Change::Raise { .. } => panic!("nothing is raised here"),
        }
    }
}

/// Pending once.
#[derive(Default)]
pub struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.0, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

/// All of these, a step of each in turn.
pub fn run_all<'a, T: 'a>(futures: Vec<Pin<Box<dyn Future<Output = T> + 'a>>>) -> Vec<T> {
    let mut context = Context::from_waker(std::task::Waker::noop());
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    let mut futures: Vec<_> = futures.into_iter().map(Some).collect();
    while futures.iter().any(Option::is_some) {
        for (slot, done) in futures.iter_mut().zip(&mut done) {
            if let Some(future) = slot
                && let Poll::Ready(output) = future.as_mut().poll(&mut context)
            {
                (*done, *slot) = (Some(output), None);
            }
        }
    }
    done.into_iter().flatten().collect()
}

pub fn run<'a, T: 'a>(future: impl Future<Output = T> + 'a) -> T {
    run_all(vec![Box::pin(future)]).remove(0)
}

impl Store for Ledger {
    fn load<'a>(&'a self, keys: &'a [Key]) -> Pending<'a, Result<Vec<Option<Arc<Stored>>>, Fault>> {
        Box::pin(async move {
            Turn::default().await;
            let books = self.0.lock().unwrap();
            Ok(keys
                .iter()
                .map(|key| books.rows.get(key).cloned())
                .collect())
        })
    }

    fn list<'a>(
        &'a self,
        _: &'a Query,
        _: Option<&'a Cursor>,
        _: u32,
    ) -> Pending<'a, Result<Page, Fault>> {
        Box::pin(async { Err(Fault::internal("nothing is listed here")) })
    }

    fn commit(&self, commit: Commit) -> Pending<'_, Result<(), CommitError>> {
        Box::pin(async move {
            Turn::default().await;
            let mut books = self.0.lock().unwrap();
            if books.away_for == Some(&commit.audit.action) {
                return Err(Fault::unavailable("the store is away").into());
            }
            let mut after = books.clone();
            for (change, what) in commit.changes.into_iter().enumerate() {
                after.apply(what).ok_or(CommitError::Conflict { change })?;
            }
            after.audit.push(commit.audit);
            *books = after;
            Ok(())
        })
    }

    fn feed<'a>(&'a self, _: Option<&'a FeedCursor>) -> Pending<'a, Result<FeedPage, Fault>> {
        Box::pin(async { Err(Fault::internal("nothing is fed here")) })
    }

    fn observe(&self, _: Vec<AuditEvent>) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    fn keep(&self, work: Housekeeping) -> Pending<'_, Result<Kept, Fault>> {
        Box::pin(async move {
            let Housekeeping::CountWaiting { of, now, limit, .. } = work else {
                return Err(Fault::internal("only what waits is counted here"));
            };
            let rows = self.rows();
            let waiting = rows.iter().filter_map(|row| row.approval()).filter(|it| {
                let lapses_at = it.lapses_at();
                let is_of = match &of {
                    WaitingOf::Organization(id) => it.organization.as_ref() == Some(id),
                    WaitingOf::Provider(id) => {
                        matches!(&it.asked, Asked::Operation(asked) if asked.provider == *id)
                    }
                };
                is_of && now < lapses_at && lapses_at < Timestamp::FAR
            });
            Ok(Kept::Rows(waiting.take(limit as usize).count() as u64))
        })
    }
}
