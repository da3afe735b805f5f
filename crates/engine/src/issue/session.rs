//! Sessions as tokens: counted in the subject's window in the commit that they are told of.

use super::Permitted;
use crate::{
    Engine,
    call::CallContext,
    commit::{Change, Commit, CommitError},
    compiled::Compiled,
    denied::{Denied, Fault, Refusal},
    id::CredentialId,
    model::{
        client::Client,
        profile::QUILTT,
        scopes::Scopes,
        session::{Counted, SessionWindow},
        subject::Subject,
    },
    row::{Row, Stored},
    sessions::{
        SessionView,
        window::{active, decide_room},
    },
    time::Timestamp,
};
use std::collections::BTreeSet;

/// A session that is asked for, by someone who may ask.
pub(crate) struct SessionFor<'a> {
    pub client: &'a Client,
    pub organization_number: u64,
    pub scopes: &'a Scopes,
    /// The API key that asks; none: the subject signed in itself.
    pub credential: Option<&'a CredentialId>,
    pub subject: &'a Subject,
    /// The subject's own mark; none: it is new.
    pub subject_not_before: Option<Timestamp>,
    /// The latest mark of environment, organization and client.
    pub not_before: Timestamp,
    pub window: Option<&'a Stored>,
}

impl Engine {
    /// Mint a session and commit it into the window, with what else the call changes. None: a conflict, so that
    /// the caller has to load and decide again.
    pub(crate) async fn grant_session(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        of: &SessionFor<'_>,
        mut changes: Vec<Change>,
        actor: &str,
    ) -> Result<Option<SessionView>, Refusal> {
        let environment = compiled.environment()?;
        let profile = environment.profile(QUILTT);
        let profile = profile.ok_or(Denied::UnauthorizedClient)?;
        let mut window = counted(of, context.now);
        let decided = decide_room(&window, context.now);
        if decided.is_err() {
            // Only now, because it costs look-ups: what ended with its API key counts no more.
            self.drop_revoked(&mut window).await?;
        }
        let (permitted, mut window) =
            decide_session(of, window, context.now).inspect_err(|why| {
                let subject = crate::sessions::actor_of(of.subject);
                self.note(context, actor, "session.refuse", &subject, why.word());
            })?;
        let minted = self.minted(context, compiled, profile, &permitted).await?;
        let token_id = minted.token_id.clone();
        window.sessions.push(Counted {
            token_id: token_id.ok_or_else(|| Fault::internal("a session without jti"))?,
            credential: of.credential.cloned(),
            issued_at: minted.issued_at,
            expires_at: minted.expires_at,
        });
        let row = Row::SessionWindow(window);
        changes.push(match of.window {
            None => Change::Insert(row),
            Some(stored) => Change::Replace {
                row,
                if_version: stored.version,
            },
        });
        let subject = crate::sessions::actor_of(of.subject);
        let mut audit = self.event(context, actor, "session.issue", &subject);
        audit.organization = Some(of.client.organization.clone());
        let commit = Commit {
            at: context.now,
            changes,
            audit,
        };
        match self.ports.store.commit(commit).await {
            Ok(()) => Ok(Some(SessionView::new(of, minted))),
            Err(CommitError::Conflict { .. }) => Ok(None),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Take out of a window what ended when its API key was revoked.
    async fn drop_revoked(&self, window: &mut SessionWindow) -> Result<(), Fault> {
        let asked = window.sessions.iter();
        let asked: BTreeSet<CredentialId> = asked.filter_map(|s| s.credential.clone()).collect();
        for id in asked {
            let named = self.credential_named(&window.environment, id.as_str());
            let is_over =
                |credential: &crate::model::credential::Credential| credential.revoked_at.is_some();
            if named.await?.as_ref().is_none_or(is_over) {
                let is_other = |counted: &Counted| counted.credential.as_ref() != Some(&id);
                window.sessions.retain(is_other);
            }
        }
        Ok(())
    }
}

/// The sessions that count: of the subject's window those that nothing has ended that is known here.
fn counted(of: &SessionFor<'_>, now: Timestamp) -> SessionWindow {
    let subject = of.subject;
    let known = of.window.and_then(Stored::session_window);
    let mut window = match known {
        Some(window) => active(window, now),
        None => SessionWindow::new(subject.environment.clone(), subject.id.clone()),
    };
    let own = of.subject_not_before.unwrap_or_default();
    window.sessions.retain(|counted| {
        let is_callers = counted.credential.as_ref() == of.credential;
        let mark = if is_callers {
            own.max(of.not_before)
        } else {
            own
        };
        counted.issued_at >= mark
    });
    window
}

/// There is room for another session.
fn decide_session(
    of: &SessionFor<'_>,
    window: SessionWindow,
    now: Timestamp,
) -> Result<(Permitted, SessionWindow), Denied> {
    decide_room(&window, now)?;
    let permitted = Permitted {
        client: of.client.id.clone(),
        organization: of.client.organization.clone(),
        organization_number: of.organization_number,
        client_number: of.client.number,
        maker_number: of.client.maker_number,
        scopes: of.scopes.clone(),
        scopes_differ: false,
        audience: Vec::new(),
        not_before: of.not_before.max(of.subject_not_before.unwrap_or_default()),
        credential: of.credential.cloned(),
        subject: Some(of.subject.id.clone()),
    };
    Ok((permitted, window))
}
