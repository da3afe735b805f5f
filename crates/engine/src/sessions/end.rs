//! Ending a session: its revocation and its place in the window go in one commit, so that the quota is free at once.

use super::{SessionAnswer, actor_of, lane_of};
use crate::{
    Engine,
    bounds::CONFLICT_TRIES_MAX,
    call::CallContext,
    commit::{Change, Commit, CommitError},
    denied::{Denied, Fault, Reason, Refusal},
    id::{EnvironmentId, SubjectId},
    model::revocation::Revocation,
    row::{Key, Row, Stored},
    verify::{Authenticated, SessionCaller, revocation_digest, signing_input, token_id_digest},
};

impl Engine {
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
