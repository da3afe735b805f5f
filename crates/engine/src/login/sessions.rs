//! Sessions that we keep: made, and ended.

use super::{LoginOutcome, NewSession};
use crate::{
    Engine,
    bounds::{LOGIN_SESSION_FOR, PAGE_ROWS_MAX, SESSIONS_PER_SUBJECT_MAX},
    call::CallContext,
    commit::{Change, Commit, CommitError},
    compiled::Compiled,
    denied::{Fault, Refusal},
    digest::Digest,
    id::ClientId,
    model::{scopes::Scopes, session::Session, subject::Subject},
    opaque,
    outcome::Outcome,
    ports::Query,
    row::{Key, Row, Stored},
    time::Timestamp,
    verify::{Authenticated, SessionCaller},
};
use std::sync::Arc;

/// Letters of a session's random part that its hint shows.
const HINT_LETTERS: usize = 4;

/// Who is given a session, and by whom.
pub(super) struct Grant<'a> {
    pub subject: &'a Subject,
    /// The platform that vouches for the subject, and the look-up key of the credential by which it does.
    pub platform: Option<(&'a ClientId, Digest)>,
    pub scopes: Scopes,
    /// Sessions that seem older are refused.
    pub not_before: Timestamp,
}

/// A session, and the changes that make it.
pub(super) struct Made {
    pub session: NewSession,
    pub hint: String,
    pub changes: Vec<Change>,
}

impl Made {
    pub fn outcome(self) -> Outcome {
        LoginOutcome::Session(self.session).into()
    }
}

impl Engine {
    /// A new session. Where a subject has as many as it may, its oldest goes.
    pub(super) async fn new_session(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        grant: Grant<'_>,
    ) -> Result<Made, Fault> {
        let environment = compiled.environment()?;
        let kind = opaque::Kind {
            brand: &environment.brand,
            word: "ses",
            mode: environment.mode,
        };
        let tag_key = compiled.tag_keys.first();
        let token = opaque::mint(kind, &compiled.id, tag_key, &*self.ports.entropy)?;
        // Everything that ended sessions within this very second is rounded up: it must not end this one.
        let created_at = context
            .now
            .max(grant.not_before)
            .max(compiled.stored.not_before);
        let expires_at = created_at.plus(LOGIN_SESSION_FOR);
        let hint = hint_of(token.expose());
        let session = Session {
            environment: compiled.id.clone(),
            digest: opaque::lookup(&compiled.id, token.expose()),
            subject: grant.subject.id.clone(),
            organization: grant.subject.organization.clone(),
            client: grant.platform.map(|(platform, _)| platform.clone()),
            vouched_by: grant.platform.map(|(_, credential)| credential),
            scopes: grant.scopes,
            hint: hint.clone(),
            created_at,
            expires_at,
        };
        let mut changes = self.room_for_session(context, grant.subject).await?;
        changes.push(Change::Insert(Row::Session(session)));
        Ok(Made {
            session: NewSession {
                token,
                subject: grant.subject.id.clone(),
                created_at,
                expires_at,
                lifetime_s: u32::try_from(LOGIN_SESSION_FOR.as_secs()).unwrap_or(u32::MAX),
            },
            hint,
            changes,
        })
    }

    async fn room_for_session(
        &self,
        context: &CallContext,
        subject: &Subject,
    ) -> Result<Vec<Change>, Fault> {
        let query = Query::Sessions(subject.environment.clone(), subject.id.clone());
        let (mut live, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .ports
                .store
                .list(&query, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            let made_at = |stored: Arc<Stored>| {
                let session = stored.session()?;
                let lives = context.now < session.expires_at;
                lives.then_some((session.created_at, stored))
            };
            live.extend(page.rows.into_iter().filter_map(made_at));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        // Logins at the same moment each find room for one: the next makes room for all of them.
        let over = (live.len() + 1).saturating_sub(SESSIONS_PER_SUBJECT_MAX as usize);
        live.sort_by_key(|(made_at, _)| *made_at);
        let oldest = live.iter().take(over);
        Ok(oldest.map(|(_, stored)| removed(stored)).collect())
    }

    /// End the session that was shown. Answered when that is durable.
    pub(super) async fn logout(
        &self,
        context: &CallContext,
        caller: &Authenticated<SessionCaller>,
    ) -> Result<Outcome, Refusal> {
        let who = caller.who();
        let key = Key::Session(context.environment.clone(), who.shown.kept()?);
        let [stored] = self.load(&[key]).await?;
        // Another logout was faster: it is over.
        let Some(stored) = stored else {
            return Ok(Outcome::Done);
        };
        let commit = Commit {
            at: context.now,
            changes: vec![removed(&stored)],
            audit: self.audit_of(context, &who.subject, "session.end", &named(&stored)),
        };
        match self.ports.store.commit(commit).await {
            Ok(()) | Err(CommitError::Conflict { .. }) => Ok(Outcome::Done),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// An audit line of something that a subject did.
    pub(super) fn audit_of(
        &self,
        context: &CallContext,
        subject: &Subject,
        action: &str,
        target: &str,
    ) -> crate::model::audit::AuditEvent {
        let actor = format!("subject:{}", subject.id);
        let mut audit = self.event(context, &actor, action, target);
        audit.organization = Some(subject.organization.clone());
        audit
    }
}

fn removed(stored: &Stored) -> Change {
    Change::Remove {
        key: stored.row.key(),
        if_version: stored.version,
    }
}

/// A session, as audit lines name it.
fn named(stored: &Stored) -> String {
    let hint = stored
        .session()
        .map_or("-", |session| session.hint.as_str());
    format!("session:{hint}")
}

/// Enough of a session's text to recognise it by: its prefix and four letters.
fn hint_of(token: &str) -> String {
    let prefix = token.match_indices('_').nth(2);
    let shown = prefix.map_or(0, |(place, _)| place + 1) + HINT_LETTERS;
    token.chars().take(shown).collect()
}
