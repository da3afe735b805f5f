//! A client that authenticates one request with headers of its own (Ultra): as at the token endpoint, without
//! a token.

use super::Refused;
use crate::{
    Engine,
    call::CallContext,
    compiled::Compiled,
    decide::HeaderClient,
    decision::{Fact, ShownKind},
    denied::{Denied, ProblemKind, Reason, Refusal},
    id::ClientId,
    model::{credential::CredentialKind, scopes::Scopes},
    opaque::{self, Glance},
    row::{Key, Stored},
};
use std::sync::Arc;

impl Engine {
    /// The fact behind the four headers. The caller has looked for a warm one.
    pub(crate) async fn verify_client_headers(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        shown: &HeaderClient<'_>,
    ) -> Result<Arc<Fact>, Refused> {
        let brand = &compiled.environment()?.brand;
        if opaque::glance(shown.secret, brand, &compiled.id, &compiled.tag_keys) == Glance::Forged {
            return Err(Denied::InvalidToken(Reason::Forged).into());
        }
        let digest = opaque::lookup(&compiled.id, shown.secret);
        let first = Key::Credential(compiled.id.clone(), digest);
        let generations = vec![self.ports.freshness.generation(&first)];
        let [found] = self.load(&[first]).await?;
        let credential = found.as_deref().and_then(Stored::credential);
        let credential = credential.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        let known = |refusal: Refusal| Refused::of(refusal, credential);
        if credential.kind != CredentialKind::ClientSecret {
            return Err(known(Denied::InvalidToken(Reason::Kind).into()));
        }
        if credential.client().map(ClientId::as_str) != Some(shown.client_id) {
            return Err(known(Denied::InvalidToken(Reason::Mismatch).into()));
        }
        let mut fact = self
            .bearer_fact(context, compiled, credential, generations)
            .await
            .map_err(known)?;
        self.decide_confidential(compiled, &fact)
            .await
            .map_err(known)?;
        fact.principal.scopes =
            decide_grant(shown, &fact.principal.scopes).map_err(|denied| known(denied.into()))?;
        fact.principal.shown = ShownKind::ClientHeaders;
        let fact = Arc::new(fact);
        self.keep_fact(shown.digest, &fact);
        Ok(fact)
    }

    /// RFC 6749 section 4.4: the grant is for confidential clients.
    async fn decide_confidential(&self, compiled: &Compiled, fact: &Fact) -> Result<(), Refusal> {
        let id = fact.principal.client.clone();
        let id = id.ok_or(Denied::InvalidToken(Reason::Kind))?;
        // The fact was made from this row already, and ends when it moves.
        let [client] = self.load(&[Key::Client(compiled.id.clone(), id)]).await?;
        let kind = client.as_deref().and_then(Stored::client);
        match kind {
            Some(client) if client.kind.is_confidential() => Ok(()),
            _ => Err(Denied::UnauthorizedClient.into()),
        }
    }
}

/// The grant that the headers ask for, and the scopes: a subset of what the credential may, all unless asked.
fn decide_grant(shown: &HeaderClient<'_>, allowed: &Scopes) -> Result<Scopes, Denied> {
    match shown.grant_type {
        Some("client_credentials") => {}
        Some(_) => return Err(Denied::UnsupportedGrantType),
        None => return Err(Denied::invalid("grant_type", ProblemKind::Missing)),
    }
    let Some(asked) = shown.scope.filter(|scope| !scope.is_empty()) else {
        return Ok(allowed.clone());
    };
    let asked = Scopes::parse(asked).map_err(|_| Denied::InvalidScope)?;
    if !asked.is_empty() && allowed.contain(&asked) {
        Ok(asked)
    } else {
        Err(Denied::InvalidScope)
    }
}
