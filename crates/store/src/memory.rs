//! The model: every rule of [`Store`] in its plainest form, and what the other engines are compared with.
//!
//! One mutex, ordered maps. Nothing survives the process.

mod places;

use crate::{
    page::{FEED_COMMITS_MAX, audit_after, audit_place, cut, rows_max},
    tables::{LEDGERS, Noun, check, touched},
};
use countersign_engine::{
    commit::{Change, Commit, CommitError, OneTime, Version},
    denied::Fault,
    digest::Digest,
    id::{CredentialId, EnvironmentId},
    model::{audit::AuditEvent, credential::Holder},
    ports::{
        Attempted, Cursor, FeedCursor, FeedPage, Housekeeping, Kept, Page, Pending, Query, Store,
    },
    row::{Key, Row, Stored},
    time::Timestamp,
};
use places::{is_waiting_of, place_in};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A store that lives as long as the process. See the module.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Key, Arc<Stored>>,
    /// The unique projection of credentials: an id leads to one digest.
    credential_ids: BTreeMap<(EnvironmentId, CredentialId), Digest>,
    spent: BTreeMap<(EnvironmentId, Digest), Timestamp>,
    audit: BTreeMap<(Timestamp, i64), Arc<Stored>>,
    audit_lines: i64,
    feed: BTreeMap<i64, (Timestamp, Vec<Key>)>,
    feed_rows: i64,
}

/// How to take back one change of a commit that fails later.
enum Undo {
    Row(Key, Option<Arc<Stored>>),
    Spent(EnvironmentId, Digest),
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held can only be an allocation that failed; the maps stay whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, keys: &'a [Key]) -> Pending<'a, Result<Vec<Option<Arc<Stored>>>, Fault>> {
        Box::pin(async move {
            let state = self.state();
            Ok(keys
                .iter()
                .map(|key| state.rows.get(key).cloned())
                .collect())
        })
    }

    fn list<'a>(
        &'a self,
        query: &'a Query,
        after: Option<&'a Cursor>,
        limit: u32,
    ) -> Pending<'a, Result<Page, Fault>> {
        Box::pin(async move { Ok(self.state().list(query, after, rows_max(limit))) })
    }

    fn commit(&self, commit: Commit) -> Pending<'_, Result<(), CommitError>> {
        Box::pin(async move {
            check(&commit)?;
            self.state().commit(commit)
        })
    }

    fn feed<'a>(&'a self, after: Option<&'a FeedCursor>) -> Pending<'a, Result<FeedPage, Fault>> {
        Box::pin(async move { Ok(self.state().feed(after)) })
    }

    fn observe(&self, batch: Vec<AuditEvent>) -> Pending<'_, Result<(), Fault>> {
        Box::pin(async move {
            let mut state = self.state();
            batch.into_iter().for_each(|event| state.note(event));
            Ok(())
        })
    }

    fn keep(&self, work: Housekeeping) -> Pending<'_, Result<Kept, Fault>> {
        Box::pin(async move { Ok(self.state().keep(work)) })
    }
}

impl State {
    fn commit(&mut self, commit: Commit) -> Result<(), CommitError> {
        let is_audited = commit.is_audited();
        let keys = touched(&commit.changes);
        let mut done = Vec::with_capacity(commit.changes.len());
        for (change, what) in commit.changes.into_iter().enumerate() {
            match self.apply(what) {
                Some(undo) => done.extend(undo),
                None => {
                    done.into_iter().rev().for_each(|undo| self.take_back(undo));
                    return Err(CommitError::Conflict { change });
                }
            }
        }
        self.tell(commit.at, keys);
        if is_audited {
            self.note(commit.audit);
        }
        Ok(())
    }

    /// One change; none when it does not touch exactly one row.
    fn apply(&mut self, change: Change) -> Option<Option<Undo>> {
        match change {
            Change::Insert(row) => {
                let key = row.key();
                if self.rows.contains_key(&key) {
                    return None;
                }
                self.put(key, 1, Timestamp::EPOCH, row).map(Some)
            }
            Change::Replace { row, if_version } => {
                let key = row.key();
                let old = self.at_version(&key, if_version)?;
                self.put(key, old.version + 1, old.not_before, row)
                    .map(Some)
            }
            Change::Remove { key, if_version } => {
                let old = self.at_version(&key, if_version)?;
                self.restore(&key, None);
                Some(Some(Undo::Row(key, Some(old))))
            }
            Change::Spend(one) => self.spend(one).map(Some),
            Change::Raise { key, not_before } => {
                let old = self.rows.get(&key)?.clone();
                let not_before = old.not_before.max(not_before);
                self.put(key, old.version + 1, not_before, old.row.clone())
                    .map(Some)
            }
            Change::Require { key, if_version } => self.at_version(&key, if_version).map(|_| None),
        }
    }

    fn at_version(&self, key: &Key, version: Version) -> Option<Arc<Stored>> {
        self.rows
            .get(key)
            .filter(|row| row.version == version)
            .cloned()
    }

    fn put(&mut self, key: Key, version: u64, not_before: Timestamp, row: Row) -> Option<Undo> {
        if let Row::Credential(credential) = &row {
            let id = (credential.environment.clone(), credential.id.clone());
            let holder = self.credential_ids.get(&id);
            if holder.is_some_and(|digest| *digest != credential.digest) {
                return None;
            }
        }
        let stored = Arc::new(Stored {
            version,
            not_before,
            row,
        });
        let old = self.restore(&key, Some(stored));
        Some(Undo::Row(key, old))
    }

    fn spend(&mut self, one: OneTime) -> Option<Undo> {
        let place = (one.environment, one.digest);
        if self.spent.contains_key(&place) {
            return None;
        }
        self.spent.insert(place.clone(), one.expires_at);
        Some(Undo::Spent(place.0, place.1))
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Row(key, old) => {
                self.restore(&key, old);
            }
            Undo::Spent(environment, digest) => {
                self.spent.remove(&(environment, digest));
            }
        }
    }

    /// Make the row of a key this, with its unique projection; what it was comes back.
    fn restore(&mut self, key: &Key, row: Option<Arc<Stored>>) -> Option<Arc<Stored>> {
        let old = match &row {
            Some(row) => self.rows.insert(key.clone(), Arc::clone(row)),
            None => self.rows.remove(key),
        };
        if let Some(credential) = old.as_deref().and_then(Stored::credential) {
            let id = (credential.environment.clone(), credential.id.clone());
            self.credential_ids.remove(&id);
        }
        if let Some(credential) = row.as_deref().and_then(Stored::credential) {
            let id = (credential.environment.clone(), credential.id.clone());
            self.credential_ids.insert(id, credential.digest);
        }
        old
    }

    fn tell(&mut self, at: Timestamp, keys: Vec<Key>) {
        if !keys.is_empty() {
            self.feed_rows += 1;
            self.feed.insert(self.feed_rows, (at, keys));
        }
    }

    fn note(&mut self, event: AuditEvent) {
        self.audit_lines += 1;
        let place = (event.at, self.audit_lines);
        let row = Row::Audit(event);
        let stored = Stored {
            version: 1,
            not_before: Timestamp::EPOCH,
            row,
        };
        self.audit.insert(place, Arc::new(stored));
    }

    fn feed(&self, after: Option<&FeedCursor>) -> FeedPage {
        let Some(FeedCursor(after)) = after else {
            return FeedPage {
                touched: Vec::new(),
                next: FeedCursor(self.feed_rows),
                more: false,
            };
        };
        let mut waiting = self.feed.range(after.saturating_add(1)..);
        let mut page = FeedPage {
            touched: Vec::new(),
            next: FeedCursor(*after),
            more: false,
        };
        for (place, (_, keys)) in waiting.by_ref().take(FEED_COMMITS_MAX) {
            page.touched.extend(keys.iter().cloned());
            page.next = FeedCursor(*place);
        }
        page.more = waiting.next().is_some();
        page
    }

    fn list(&self, query: &Query, after: Option<&Cursor>, max: usize) -> Page {
        if let Query::Audit {
            environment,
            organization,
            since,
        } = query
        {
            return self.list_audit(
                environment.as_ref(),
                organization.as_ref(),
                *since,
                after,
                max,
            );
        }
        if let Query::DueDeliveries {
            now,
            per_destination,
            busy,
        } = query
        {
            return self.list_due(*now, *per_destination as usize, busy, max);
        }
        let mut found: BTreeMap<String, Arc<Stored>> = BTreeMap::new();
        for row in self.rows.values() {
            if let Some(place) = place_in(query, &row.row)
                && after.is_none_or(|after| place > after.0)
            {
                found.insert(place, Arc::clone(row));
            }
        }
        cut(found.into_iter().take(max + 1).collect(), max)
    }

    fn list_due(
        &self,
        now: Timestamp,
        per_destination: usize,
        busy: &[String],
        max: usize,
    ) -> Page {
        // The keys are in order, so the first that waits of a lane is its oldest.
        let mut lanes = BTreeMap::new();
        for row in self.rows.values() {
            let Some((delivery, due_at)) = row.delivery().and_then(|it| Some((it, it.due_at?)))
            else {
                continue;
            };
            let lane = (delivery.place(), &delivery.order);
            lanes.entry(lane).or_insert((due_at, &delivery.id, row));
        }
        let mut destinations: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((place, _), head) in lanes {
            let is_free = head.0 <= now && !busy.contains(&place);
            let heads = destinations.entry(place).or_default();
            heads.extend(is_free.then_some(head));
        }
        let due = destinations.into_values().flat_map(|mut heads| {
            heads.sort_by_key(|(due_at, id, _)| (*due_at, *id));
            heads.truncate(per_destination);
            heads
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(due_at, id, _)| (*due_at, *id));
        Page {
            rows: due
                .into_iter()
                .map(|(_, _, row)| Arc::clone(row))
                .take(max)
                .collect(),
            next: None,
        }
    }

    fn delivered(&mut self, attempted: Attempted) -> bool {
        let Some(old) = self.at_version(&attempted.key, attempted.if_version) else {
            return false;
        };
        match attempted.next {
            None => {
                self.restore(&attempted.key, None);
            }
            Some(next) => {
                self.put(
                    attempted.key,
                    old.version + 1,
                    old.not_before,
                    Row::Delivery(next),
                );
            }
        }
        true
    }

    fn list_audit(
        &self,
        environment: Option<&EnvironmentId>,
        organization: Option<&countersign_engine::id::OrganizationId>,
        since: Option<Timestamp>,
        after: Option<&Cursor>,
        max: usize,
    ) -> Page {
        let Some(after) = audit_after(after) else {
            return cut(Vec::new(), max);
        };
        let wanted = |event: &AuditEvent| {
            environment.is_none_or(|id| *id == event.environment)
                && organization.is_none_or(|id| event.organization.as_ref() == Some(id))
                && since.is_none_or(|since| event.at >= since)
        };
        let found = self.audit.range(..after).rev();
        let found = found.filter(|(_, row)| row.audit().is_some_and(wanted));
        let found = found.map(|((at, number), row)| (audit_place(*at, *number), Arc::clone(row)));
        cut(found.take(max + 1).collect(), max)
    }

    fn keep(&mut self, work: Housekeeping) -> Kept {
        match work {
            Housekeeping::SweepExpired { now, limit } => Kept::Rows(self.sweep_expired(now, limit)),
            Housekeeping::SweepOrphans { limit } => Kept::Rows(self.sweep_orphans(limit)),
            Housekeeping::SweepDead { place, limit } => Kept::Rows(self.sweep_dead(&place, limit)),
            Housekeeping::SweepAudit { before, limit } => {
                let old = self.audit.range(..(before, i64::MIN)).map(|(at, _)| *at);
                let old: Vec<_> = old.take(limit as usize).collect();
                old.iter().for_each(|place| {
                    self.audit.remove(place);
                });
                Kept::Rows(old.len() as u64)
            }
            Housekeeping::SweepFeed { before, limit } => {
                // Only the oldest rows are looked at, so that no sweep reads the whole feed.
                let oldest = self.feed.iter().take(limit as usize);
                let old = oldest.filter(|(_, (at, _))| *at < before);
                let old: Vec<i64> = old.map(|(place, _)| *place).collect();
                old.iter().for_each(|place| {
                    self.feed.remove(place);
                });
                Kept::Rows(old.len() as u64)
            }
            Housekeeping::LastUsed(uses) => {
                let raised = uses.into_iter().filter(|(environment, credential, at)| {
                    self.note_last_use(environment, credential, *at)
                });
                Kept::Rows(raised.count() as u64)
            }
            Housekeeping::Delivered(attempts) => {
                let attempts = attempts.into_iter();
                let touched = attempts.filter(|attempted| self.delivered(attempted.clone()));
                Kept::Rows(touched.count() as u64)
            }
            Housekeeping::CountRows => Kept::Counts(self.count_rows()),
            Housekeeping::CountSubjects {
                environment,
                organization,
                limit,
            } => {
                let subjects = self.rows.values().filter_map(|row| row.subject());
                let of = subjects.filter(|subject| {
                    subject.environment == environment && subject.organization == organization
                });
                Kept::Rows(of.take(limit as usize).count() as u64)
            }
            Housekeeping::CountWaiting {
                environment,
                of,
                now,
                limit,
            } => {
                let approvals = self.rows.values().filter_map(|row| row.approval());
                let waiting = approvals.filter(|approval| {
                    let lapses_at = approval.lapses_at();
                    approval.environment == environment
                        && (now < lapses_at && lapses_at < Timestamp::FAR)
                        && is_waiting_of(approval, &of)
                });
                Kept::Rows(waiting.take(limit as usize).count() as u64)
            }
            Housekeeping::CountDeliveries => {
                let deliveries = self.rows.values().filter_map(|row| row.delivery());
                let (dead, waiting): (Vec<_>, Vec<_>) =
                    deliveries.partition(|delivery| delivery.due_at.is_none());
                let counts = [("waiting", waiting), ("dead", dead)];
                Kept::Counts(counts.map(|(name, of)| (name, of.len() as u64)).into())
            }
        }
    }

    fn sweep_expired(&mut self, now: Timestamp, limit: u32) -> u64 {
        let mut left = limit as usize;
        let mut swept = 0;
        for noun in Noun::ALL {
            let ended = self.rows.iter().filter_map(|(key, row)| {
                let ends = row.row.sweep_at().filter(|at| *at < now)?;
                (Noun::of(key) == Some(noun)).then(|| (ends, key.clone()))
            });
            let mut ended: Vec<_> = ended.collect();
            ended.sort();
            ended.truncate(left);
            ended.iter().for_each(|(_, key)| {
                self.restore(key, None);
            });
            left -= ended.len();
            swept += ended.len();
        }
        let ended = self.spent.iter().filter(|(_, at)| **at < now);
        let mut ended: Vec<_> = ended.map(|(place, at)| (*at, place.clone())).collect();
        ended.sort();
        ended.truncate(left);
        ended.iter().for_each(|(_, place)| {
            self.spent.remove(place);
        });
        (swept + ended.len()) as u64
    }

    fn sweep_dead(&mut self, place: &str, limit: u32) -> u64 {
        let dead = self.rows.iter().filter(|(_, row)| {
            let delivery = row.delivery();
            delivery.is_some_and(|row| row.due_at.is_none() && row.place() == place)
        });
        let dead = dead.map(|(key, _)| key.clone());
        let dead: Vec<Key> = dead.take(limit as usize).collect();
        for key in &dead {
            self.restore(key, None);
        }
        dead.len() as u64
    }

    fn sweep_orphans(&mut self, limit: u32) -> u64 {
        let ids = self.credential_ids.iter();
        let orphans = ids.filter_map(|((environment, _), digest)| {
            let key = Key::Credential(environment.clone(), *digest);
            let holder = match &self.rows.get(&key)?.credential()?.holder {
                Holder::Client(_, client) => Key::Client(environment.clone(), client.clone()),
                Holder::Operator(operator) => Key::Operator(operator.clone()),
            };
            (!self.rows.contains_key(&holder)).then_some(key)
        });
        let orphans: Vec<Key> = orphans.take(limit as usize).collect();
        for key in &orphans {
            self.restore(key, None);
        }
        let swept = orphans.len();
        let uses = self.rows.keys().filter(|key| match key {
            Key::LastUsed(environment, id) => !self
                .credential_ids
                .contains_key(&(environment.clone(), id.clone())),
            _ => false,
        });
        let uses: Vec<Key> = uses.take(limit as usize - swept).cloned().collect();
        uses.iter().for_each(|key| {
            self.rows.remove(key);
        });
        (swept + uses.len()) as u64
    }

    fn note_last_use(
        &mut self,
        environment: &EnvironmentId,
        id: &CredentialId,
        at: Timestamp,
    ) -> bool {
        let place = (environment.clone(), id.clone());
        if !self.credential_ids.contains_key(&place) {
            return false;
        }
        let key = Key::LastUsed(environment.clone(), id.clone());
        let version = match self.rows.get(&key).map(|old| (&old.row, old.version)) {
            Some((Row::LastUsed(_, _, noted), _)) if *noted >= at => return false,
            Some((_, version)) => version + 1,
            None => 1,
        };
        let row = Row::LastUsed(environment.clone(), id.clone(), at);
        let stored = Stored {
            version,
            not_before: Timestamp::EPOCH,
            row,
        };
        self.rows.insert(key, Arc::new(stored));
        true
    }

    fn count_rows(&self) -> Vec<(&'static str, u64)> {
        let keyed = Noun::ALL.into_iter().map(|noun| {
            let rows = self.rows.keys().filter(|key| Noun::of(key) == Some(noun));
            (noun.table().name, rows.count())
        });
        let uses = self.rows.keys();
        let uses = uses.filter(|key| matches!(key, Key::LastUsed(..)));
        let lens = [
            self.spent.len(),
            uses.count(),
            self.audit.len(),
            self.feed.len(),
        ];
        let counts = keyed.chain(LEDGERS.into_iter().zip(lens));
        counts.map(|(name, rows)| (name, rows as u64)).collect()
    }
}
