//! Tokens under an operator's eyes: what one is, and ending one or all.

use super::actor;
use crate::{
    Engine,
    call::{CallContext, Target},
    commit::{Change, CommitError},
    compiled::Compiled,
    denied::{Denied, ProblemKind, Refusal},
    id::{EnvironmentId, OrganizationId},
    introspect::describe,
    outcome::Outcome,
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
    verify::{Authenticated, OperatorCaller},
};
use std::sync::Arc;

/// The organization that an organization's or a client's row belongs to.
fn owner_of(stored: &Stored) -> Option<OrganizationId> {
    let organization = stored.organization().map(|organization| &organization.id);
    organization
        .or_else(|| stored.client().map(|client| &client.organization))
        .cloned()
}

impl Engine {
    /// Refuse every token issued until now. One row, whatever the number of tokens.
    pub(super) async fn end_tokens(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        target: &Target,
    ) -> Result<Outcome, Refusal> {
        if let Target::Subject(place, id) = target {
            return self.end_subject_tokens(context, caller, place, id).await;
        }
        let installation = EnvironmentId::installation();
        let (key, noun, environment, name) = match target {
            Target::Environment(id) => (
                Key::Environment(id.clone()),
                "environment",
                id,
                id.to_string(),
            ),
            Target::Organization(id) => (
                Key::Organization(id.clone()),
                "organization",
                &installation,
                id.to_string(),
            ),
            Target::Client(place, id) => (
                Key::Client(place.clone(), id.clone()),
                "client",
                place,
                id.to_string(),
            ),
            _ => return Err(Denied::Conflict("it has no tokens").into()),
        };
        // Rounded up: `iat` has whole seconds, and a token of this very second must not slip through.
        let not_before = Timestamp::from_seconds(context.now.seconds_up());
        let target = format!("{noun}:{name}");
        let [stored] = self.load(std::array::from_ref(&key)).await?;
        let owner = stored.as_deref().and_then(owner_of);
        let audit = self.admin_event(context, caller, environment, owner, "tokens.end", &target);
        match self
            .commit(context.now, vec![Change::Raise { key, not_before }], audit)
            .await
        {
            Ok(()) => Ok(Outcome::Done),
            Err(CommitError::Conflict { .. }) => Err(Denied::NotFound { noun }.into()),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    pub(super) async fn admin_revoke_token(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        token: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.named_compiled(context, environment).await?;
        let Some(fact) = self.active_token(context, &compiled, token).await? else {
            let expected = "an access token of this environment that is accepted now";
            return Err(Denied::invalid("token", ProblemKind::Expected(expected)).into());
        };
        let mut audit = self.event(context, &actor(caller), "token.revoke", "token");
        audit.environment = environment.clone();
        audit.organization = fact.principal.organization.clone();
        self.revoke_token(context.now, &compiled, &fact, token, audit)
            .await?;
        Ok(Outcome::Done)
    }

    pub(super) async fn inspect_token(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
        token: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.named_compiled(context, environment).await?;
        let fact = self.active_token(context, &compiled, token).await?;
        Ok(Outcome::Introspection(fact.map(|fact| describe(&fact))))
    }

    async fn named_compiled(
        &self,
        context: &CallContext,
        environment: &EnvironmentId,
    ) -> Result<Arc<Compiled>, Refusal> {
        let compiled = self.compiled(environment, context.now).await?;
        compiled.ok_or_else(|| {
            Denied::NotFound {
                noun: "environment",
            }
            .into()
        })
    }
}
