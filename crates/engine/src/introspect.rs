//! What a token is (RFC 7662), for those it is meant for; the public keys and the metadata.

use crate::{
    Engine,
    approve::receipt,
    call::CallContext,
    compiled::Compiled,
    decision::Fact,
    denied::{Denied, Fault, Refusal},
    model::{profile::TokenProfile, scopes::Scopes},
    outcome::{Introspection, Metadata, Outcome},
    secret::Secret,
    verify::{Authenticated, ClientCaller, token_digest},
};
use countersign_jose::JwkSet;
use std::sync::Arc;

impl Engine {
    pub(crate) async fn introspect(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        token: &Secret<String>,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let fact = self.active_token(context, &compiled, token).await?;
        let meant = fact.filter(|fact| decide_meant_for(fact, caller));
        Ok(Outcome::Introspection(meant.map(|fact| describe(&fact))))
    }

    /// The fact behind a token that is active now; `None` for everything else, whatever the reason.
    pub(crate) async fn active_token(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        token: &Secret<String>,
    ) -> Result<Option<Arc<Fact>>, Refusal> {
        let digest = token_digest(&compiled.id, token.expose());
        let fact = match self.known(&digest, context.now) {
            Some(fact) => Ok(fact),
            None => {
                self.verify_token(context, compiled, token.expose(), digest, true)
                    .await
            }
        };
        match fact.map_err(Refusal::from) {
            Ok(fact) => Ok((fact.ends_at.is_none_or(|end| context.now < end)).then_some(fact)),
            Err(Refusal::Denied(Denied::InvalidToken(_) | Denied::MalformedCredential(_))) => {
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    pub(crate) async fn public_keys(&self, context: &CallContext) -> Result<Outcome, Refusal> {
        self.public_keys_of(context, None).await
    }

    /// The public keys of one set, or of all.
    pub(crate) async fn public_keys_of(
        &self,
        context: &CallContext,
        named: Option<&str>,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let place = compiled.place()?;
        let mut keys = Vec::new();
        for set in compiled
            .key_sets
            .iter()
            .filter_map(|stored| stored.key_set())
            // Receipts are no tokens: their keys are asked for by name, so that nobody takes one for a token's.
            .filter(|set| named.map_or(set.name != receipt::KEY_SET, |named| set.name == named))
        {
            // Nobody should cache an empty set: wait for the first key where it is still being made.
            let made = match set.current() {
                Some(_) => set.clone(),
                None => {
                    self.key_set_with_current(context, &place, &set.name)
                        .await?
                }
            };
            let public = made
                .accepted(context.now)
                .filter_map(|key| Some((key.id.clone(), key.public.clone()?)));
            keys.extend(public.map(|(id, jwk)| jwk.with_kid(id.as_str())));
        }
        Ok(Outcome::PublicKeys(JwkSet { keys }))
    }

    pub(crate) async fn metadata(&self, context: &CallContext) -> Result<Outcome, Refusal> {
        let compiled = self.arrived(context).await?;
        let profile = compiled.environment()?.profiles.first();
        let profile = profile.ok_or_else(|| Fault::internal("an environment without profiles"))?;
        Ok(Outcome::Metadata(self.metadata_of(&compiled, profile)))
    }

    /// What the issuer of `profile` offers.
    pub(crate) fn metadata_of(&self, compiled: &Compiled, profile: &TokenProfile) -> Metadata {
        let words = compiled
            .guards
            .iter()
            .flat_map(|guard| guard.guard.scopes.iter());
        Metadata {
            issuer: profile.issuer.clone(),
            algorithms: vec![profile.algorithm],
            scopes: Scopes::collect(words).unwrap_or_default(),
        }
    }
}

/// RFC 7662 section 4: a token is told of only to its own client, and to a client that serves a resource
/// that the token is meant for. That a client may *ask* for tokens for a resource is not enough.
fn decide_meant_for(fact: &Fact, caller: &Authenticated<ClientCaller>) -> bool {
    let client = &caller.who().client;
    let own = fact.principal.client.as_ref() == Some(&client.id);
    let audience = fact
        .token
        .as_ref()
        .and_then(|token| token.audience.as_deref());
    let serves = |resource: &String| client.serves.contains(resource);
    own || audience.is_some_and(|audience| audience.iter().any(serves))
}

/// The members that RFC 7662 section 2.2 names.
pub(crate) fn describe(fact: &Fact) -> Introspection {
    let token = fact.token.as_ref();
    Introspection {
        scopes: fact.principal.scopes.clone(),
        client_id: fact.principal.client.clone(),
        subject: token
            .and_then(|token| token.subject.clone())
            .or_else(|| fact.principal.subject.clone()),
        audience: token
            .and_then(|token| token.audience.clone())
            .unwrap_or_default(),
        issuer: token.map(|token| token.issuer.clone()),
        token_id: token.and_then(|token| token.token_id.clone()),
        token_type: token
            .map(|token| token.token_type.clone())
            .unwrap_or_default(),
        issued_at: token.map(|token| token.issued_at),
        expires_at: fact.principal.expires_at,
    }
}
