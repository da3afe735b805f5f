//! The sessions of a subject: those that we keep, and those that we only count.

use super::subject_of;
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PAGE_ROWS_MAX},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    denied::{Fault, Refusal},
    digest::Digest,
    engine::not_found,
    id::{EnvironmentId, SubjectId},
    model::{
        revocation::Revocation,
        session::{Counted, Session},
    },
    outcome::{Outcome, SubjectOutcome},
    ports::{Cursor, Query},
    row::{Key, Row, Stored},
    sessions::lane_of,
    time::Timestamp,
    verify::{Authenticated, OperatorCaller, token_id_digest},
};
use std::{collections::BTreeSet, sync::Arc};

/// The name by which an operator ends a session that we keep. Made from its look-up key, which is told to nobody.
impl Session {
    /// Its public name.
    pub fn name(&self) -> String {
        let digest = Digest::of("countersign/session-name", &[self.digest.as_bytes()]);
        let text = data_encoding::HEXLOWER.encode(digest.as_bytes());
        format!("ses_{}", text.get(..32).unwrap_or_default())
    }
}

impl Engine {
    pub(super) async fn subject_sessions(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        subject: &SubjectId,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Outcome, Refusal> {
        self.stored_subject(environment, subject).await?;
        let counted = match after {
            Some(_) => Vec::new(),
            None => self.counted_now(context.now, environment, subject).await?,
        };
        let query = Query::Sessions(environment.clone(), subject.clone());
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let page = self.ports.store.list(&query, after.as_ref(), limit).await?;
        let rows = page.rows.into_iter();
        Ok(Outcome::Subject(SubjectOutcome::Sessions {
            kept: rows.filter(|row| lives(row, context.now)).collect(),
            counted,
            next: page.next,
        }))
    }

    /// The sessions that were issued as tokens and still live.
    pub(super) async fn counted_now(
        &self,
        now: Timestamp,
        environment: &EnvironmentId,
        subject: &SubjectId,
    ) -> Result<Vec<Counted>, Refusal> {
        let key = Key::SessionWindow(environment.clone(), subject.clone());
        let [stored] = self.load(&[key]).await?;
        let window = stored.as_deref().and_then(Stored::session_window);
        let counted = window.map_or(&[][..], |window| &window.sessions);
        let alive = counted.iter().filter(|one| now < one.expires_at);
        Ok(alive.cloned().collect())
    }

    /// End one session, whichever kind it is. Ending what has ended already is no error as long as it is known.
    pub(super) async fn admin_end_session(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        subject: &SubjectId,
        session: &str,
    ) -> Result<Outcome, Refusal> {
        let stored = self.stored_subject(environment, subject).await?;
        let subject = subject_of(&stored)?;
        let audit = self.subject_event(context, caller, subject, "session.end");
        for _ in 0..CONFLICT_TRIES_MAX {
            let changes = match self.kept_session(environment, &subject.id, session).await? {
                Some(kept) => vec![Change::Remove {
                    key: kept.row.key(),
                    if_version: kept.version,
                }],
                None => {
                    self.ended_token(context.now, environment, &subject.id, session)
                        .await?
                }
            };
            let commit = Commit {
                at: context.now,
                changes,
                audit: audit.clone(),
            };
            match self.ports.store.commit(commit).await {
                Ok(()) => return Ok(Outcome::Done),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the sessions kept changing").into())
    }

    async fn kept_session(
        &self,
        environment: &EnvironmentId,
        subject: &SubjectId,
        name: &str,
    ) -> Result<Option<Arc<Stored>>, Refusal> {
        let query = Query::Sessions(environment.clone(), subject.clone());
        let mut after = None;
        loop {
            let page = self
                .ports
                .store
                .list(&query, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            let mut rows = page.rows.into_iter();
            let is_it = |row: &Arc<Stored>| row.session().is_some_and(|row| row.name() == name);
            if let Some(found) = rows.find(is_it) {
                return Ok(Some(found));
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// Revoke a counted session by its `jti`, whichever profile of the environment issued it, and count it no more.
    async fn ended_token(
        &self,
        now: Timestamp,
        environment: &EnvironmentId,
        subject: &SubjectId,
        token_id: &str,
    ) -> Result<Vec<Change>, Refusal> {
        let key = Key::SessionWindow(environment.clone(), subject.clone());
        let [stored] = self.load(&[key]).await?;
        let stored = stored.ok_or_else(|| not_found("session"))?;
        let mut window = stored
            .session_window()
            .ok_or_else(|| Fault::internal("a session window's row is not one"))?
            .clone();
        let place = window
            .sessions
            .iter()
            .position(|one| one.token_id == token_id);
        let ended = window
            .sessions
            .remove(place.ok_or_else(|| not_found("session"))?);
        let named = self.named_environment(environment).await?;
        let profiles = named.environment().map_or(&[][..], |row| &row.profiles);
        let issuers: BTreeSet<&str> = profiles.iter().map(|one| one.issuer.as_str()).collect();
        let revocations = issuers.into_iter().map(|issuer| Revocation {
            environment: environment.clone(),
            digest: token_id_digest(environment, issuer, token_id),
            revoked_at: now,
            expires_at: ended.expires_at,
        });
        let mut changes = vec![Change::Replace {
            row: Row::SessionWindow(window),
            if_version: stored.version,
        }];
        changes.extend(revocations.map(|row| Change::Insert(Row::Revocation(row))));
        Ok(changes)
    }

    /// Refuse every session of a subject that was made until now; none of them counts any more.
    pub(in crate::admin) async fn end_subject_tokens(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &SubjectId,
    ) -> Result<Outcome, Refusal> {
        let stored = self.stored_subject(environment, id).await?;
        let audit = self.subject_event(context, caller, subject_of(&stored)?, "tokens.end");
        let _turn = self.lanes.turn(lane_of(environment, id)).await?;
        let window = Key::SessionWindow(environment.clone(), id.clone());
        for _ in 0..CONFLICT_TRIES_MAX {
            let key = Key::Subject(environment.clone(), id.clone());
            let not_before = self.ended_at(context.now, &stored).await?;
            let mut changes = vec![Change::Raise { key, not_before }];
            let [counted] = self.load(std::array::from_ref(&window)).await?;
            changes.extend(counted.map(|stored| Change::Remove {
                key: window.clone(),
                if_version: stored.version,
            }));
            let commit = Commit {
                at: context.now,
                changes,
                audit: audit.clone(),
            };
            match self.ports.store.commit(commit).await {
                Ok(()) => return Ok(Outcome::Done),
                Err(CommitError::Conflict { change: 0 }) => return Err(not_found("subject")),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the sessions kept changing").into())
    }
}

/// Whether a session that we keep is still accepted at `now`.
pub(super) fn lives(stored: &Stored, now: Timestamp) -> bool {
    stored
        .session()
        .is_some_and(|session| now < session.expires_at)
}
