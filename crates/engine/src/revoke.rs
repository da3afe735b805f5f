//! Ending a token (RFC 7009). JWTs are not stored; their revocations are, until they would have ended anyway.

use crate::{
    Engine,
    bounds::CONFLICT_TRIES_MAX,
    call::CallContext,
    commit::{Change, CommitError},
    compiled::Compiled,
    decision::{Fact, ShownKind, TokenFact},
    denied::{Fault, Refusal},
    id::{EnvironmentId, SubjectId},
    model::{audit::AuditEvent, revocation::Revocation},
    outcome::Outcome,
    row::Row,
    secret::Secret,
    time::Timestamp,
    verify::{Authenticated, ClientCaller, revocation_digest, signing_input, token_id_digest},
};

impl Engine {
    /// A client ends a token of its own. Unknown, ended and others' tokens are answered alike (section 2.2),
    /// and others' have no effect (section 2.1).
    pub(crate) async fn revoke(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        token: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let client = &caller.who().client;
        let fact = self.active_token(context, &compiled, token).await?;
        let Some(fact) = fact.filter(|fact| fact.principal.client.as_ref() == Some(&client.id))
        else {
            return Ok(Outcome::Revoked);
        };
        let mut audit = self.event(
            context,
            &format!("client:{}", client.id),
            "token.revoke",
            "token",
        );
        audit.organization = Some(client.organization.clone());
        self.revoke_token(context.now, &compiled, &fact, token, audit)
            .await?;
        Ok(Outcome::Revoked)
    }

    /// Write the revocation: of what was signed, and of the `jti` where the token has one, so that
    /// it ends however it is spelled. Answered only when durable (section 2.2.1).
    pub(crate) async fn revoke_token(
        &self,
        now: Timestamp,
        compiled: &Compiled,
        fact: &Fact,
        token: &Secret<String>,
        audit: AuditEvent,
    ) -> Result<(), Refusal> {
        let Some(details) = &fact.token else {
            return Ok(());
        };
        let place = &compiled.id;
        let by_form = revocation_digest(place, signing_input(token.expose()));
        let by_id = details
            .token_id
            .as_ref()
            .map(|id| token_id_digest(place, &details.issuer, id));
        let mut changes: Vec<Change> = std::iter::once(by_form)
            .chain(by_id)
            .map(|digest| {
                Change::Insert(Row::Revocation(Revocation {
                    environment: place.clone(),
                    digest,
                    revoked_at: now,
                    expires_at: fact.principal.expires_at.unwrap_or(Timestamp::FAR),
                }))
            })
            .collect();
        let revocations = changes.len();
        for _ in 0..CONFLICT_TRIES_MAX {
            changes.truncate(revocations);
            changes.extend(self.freed_by(place, fact, details).await?);
            match self.commit(now, changes.clone(), audit.clone()).await {
                Ok(()) => return Ok(()),
                // Someone else has just revoked it. It is revoked, durably.
                Err(CommitError::Conflict { change }) if change < revocations => return Ok(()),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the subject's sessions kept changing").into())
    }

    /// What a session's end frees in its subject's window.
    async fn freed_by(
        &self,
        place: &EnvironmentId,
        fact: &Fact,
        details: &TokenFact,
    ) -> Result<Option<Change>, Fault> {
        let subject = fact.principal.subject.as_deref();
        let subject = subject.and_then(|text| SubjectId::parse(text).ok());
        match (fact.principal.shown, subject, &details.token_id) {
            (ShownKind::Session, Some(subject), Some(id)) => {
                self.freed_session(place, &subject, id).await
            }
            _ => Ok(None),
        }
    }
}
