//! Ending a session: its revocation and its place in the window go in one commit, so that the quota is free at once.
//! Ending all of a subject's: by a mark that lies beyond them.

use super::{SessionAnswer, actor_of, lane_of};
use crate::{
    Engine,
    bounds::{CONFLICT_TRIES_MAX, PAGE_ROWS_MAX},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    denied::{Denied, Fault, Reason, Refusal},
    id::{EnvironmentId, SubjectId},
    model::revocation::Revocation,
    ports::Query,
    row::{Key, Row, Stored},
    subjects::not_a_subject,
    time::Timestamp,
    verify::{Authenticated, SessionCaller, revocation_digest, signing_input, token_id_digest},
};
use std::time::Duration;

impl Engine {
    /// From when on sessions of a subject are good, once all that it has by now are over: the first second in which none
    /// can have begun. To be asked in the subject's turn ([`lane_of`]) and for the commit that is tried then, for a session
    /// may have been made while the password was hashed that ends it, by a call that came later. A session that is made
    /// in the second of another mark begins at that mark, so this one lies beyond them all. In whole seconds, because a
    /// token prints its start in those.
    pub(crate) async fn ended_at(
        &self,
        now: Timestamp,
        stored: &Stored,
    ) -> Result<Timestamp, Fault> {
        let subject = stored.subject().ok_or_else(not_a_subject)?;
        let place = &subject.environment;
        let keys = [
            Key::Environment(place.clone()),
            Key::Organization(subject.organization.clone()),
            Key::SessionWindow(place.clone(), subject.id.clone()),
        ];
        let [environment, organization, window] = self.load(&keys).await?;
        let marks = [environment, organization].into_iter().flatten();
        let marks = marks.map(|row| row.not_before);
        let window = window.as_deref().and_then(Stored::session_window);
        let counted = window.map_or(&[][..], |window| &window.sessions);
        let counted = counted.iter().map(|session| session.issued_at);
        let known = [now, stored.not_before].into_iter();
        let known = known.chain(marks).chain(counted).max();
        let newest = self.newest_kept(place, &subject.id).await?;
        let latest = known.max(newest).unwrap_or(now);
        Ok(Timestamp::from_seconds(latest.seconds()).plus(Duration::from_secs(1)))
    }

    /// When the newest of the sessions began that we keep.
    async fn newest_kept(
        &self,
        place: &EnvironmentId,
        subject: &SubjectId,
    ) -> Result<Option<Timestamp>, Fault> {
        let query = Query::Sessions(place.clone(), subject.clone());
        let (mut newest, mut after) = (None, None);
        loop {
            let page = self
                .ports
                .store
                .list(&query, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            let began = page.rows.iter().filter_map(|row| row.session());
            newest = newest.max(began.map(|session| session.created_at).max());
            after = page.next;
            if after.is_none() {
                return Ok(newest);
            }
        }
    }

    /// The holder of a session ends it.
    pub(super) async fn end_session(
        &self,
        context: &CallContext,
        caller: &Authenticated<SessionCaller>,
    ) -> Result<SessionAnswer, Refusal> {
        let who = caller.who();
        let token = who.shown.token()?;
        let place = &context.environment;
        let _turn = self.lanes.turn(lane_of(place, &who.subject.id)).await?;
        let digests = [
            revocation_digest(place, signing_input(token.text.expose())),
            token_id_digest(place, &token.issuer, &token.token_id),
        ];
        for _ in 0..CONFLICT_TRIES_MAX {
            let revocations = digests.map(|digest| {
                Change::Insert(Row::Revocation(Revocation {
                    environment: place.clone(),
                    digest,
                    revoked_at: context.now,
                    expires_at: who.expires_at,
                }))
            });
            let mut changes = revocations.to_vec();
            let freed = self
                .freed_session(place, &who.subject.id, &token.token_id)
                .await?;
            changes.extend(freed);
            let actor = actor_of(&who.subject);
            let mut audit = self.event(context, &actor, "session.revoke", &actor);
            audit.organization = Some(who.organization.clone());
            let commit = Commit {
                at: context.now,
                changes,
                audit,
            };
            match self.ports.store.commit(commit).await {
                Ok(()) => return Ok(SessionAnswer::Ended),
                // Someone else has just ended it: it is not there any more.
                Err(CommitError::Conflict { change }) if change < digests.len() => {
                    return Err(Denied::InvalidToken(Reason::Revoked).into());
                }
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the subject's sessions kept changing").into())
    }

    /// The change that takes a session out of its subject's window, if it stands there: those that a client signed
    /// itself do not.
    pub(crate) async fn freed_session(
        &self,
        place: &EnvironmentId,
        subject: &SubjectId,
        token_id: &str,
    ) -> Result<Option<Change>, Fault> {
        let key = Key::SessionWindow(place.clone(), subject.clone());
        let [stored] = self.load(&[key]).await?;
        let window = stored.as_deref().and_then(Stored::session_window);
        let (Some(stored), Some(window)) = (&stored, window) else {
            return Ok(None);
        };
        let mut kept = window.clone();
        kept.sessions.retain(|counted| counted.token_id != token_id);
        Ok((kept != *window).then(|| Change::Replace {
            row: Row::SessionWindow(kept),
            if_version: stored.version,
        }))
    }
}
