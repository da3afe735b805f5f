//! API keys, registration tokens and sessions at a guard: one look-up by the digest of the whole secret.

use super::{Refused, decide_client, decide_credential};
use crate::{
    Engine,
    bounds::SECRET_BYTES_MAX,
    call::CallContext,
    compiled::Compiled,
    decision::{CredentialFact, Fact, Principal, Rate, ShownKind},
    denied::{Denied, Malformed, Reason, Refusal},
    digest::Digest,
    model::credential::{Credential, CredentialKind, Holder},
    opaque::{self, Glance},
    ports::Generation,
    row::{Key, Stored},
};
use std::sync::{Arc, atomic::AtomicI64};

impl Engine {
    /// The fact behind an opaque bearer, made from rows. The caller has looked for a warm one.
    pub(crate) async fn verify_bearer(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        text: &str,
        digest: Digest,
    ) -> Result<Arc<Fact>, Refused> {
        if text.len() > SECRET_BYTES_MAX {
            return Err(Denied::MalformedCredential(Malformed::TooLong).into());
        }
        let brand = &compiled.environment()?.brand;
        if opaque::glance(text, brand, &compiled.id, &compiled.tag_keys) == Glance::Forged {
            return Err(Denied::InvalidToken(Reason::Forged).into());
        }
        // A session and a credential look alike to whoever does not know them: one round trip for both.
        let first = [
            Key::Credential(compiled.id.clone(), digest),
            Key::Session(compiled.id.clone(), digest),
        ];
        let generations = first.each_ref();
        let generations = generations.map(|key| self.ports.freshness.generation(key));
        let generations = generations.to_vec();
        let [found, session] = self.load(&first).await?;
        if let Some(session) = session.as_deref().and_then(Stored::session) {
            let fact = self.kept_session_fact(context, compiled, session, generations);
            let fact = Arc::new(fact.await?);
            self.keep_fact(digest, &fact);
            return Ok(fact);
        }
        let credential = found.as_deref().and_then(Stored::credential);
        let credential = credential.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        let fact = self
            .bearer_fact(context, compiled, credential, generations)
            .await
            .map_err(|refusal| Refused::of(refusal, credential))?;
        let fact = Arc::new(fact);
        self.keep_fact(digest, &fact);
        Ok(fact)
    }

    /// The fact behind a credential that was found by its secret.
    pub(super) async fn bearer_fact(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        credential: &Credential,
        mut generations: Vec<Generation>,
    ) -> Result<Fact, Refusal> {
        let Holder::Client(organization, client) = &credential.holder else {
            return Err(Denied::InvalidToken(Reason::Kind).into());
        };
        // The lifecycle is asked again at every use; here it keeps dead credentials out of the cache.
        decide_credential(credential, context.now, context.peer).map_err(Denied::InvalidToken)?;
        let owners = [
            Key::Client(compiled.id.clone(), client.clone()),
            Key::Organization(organization.clone()),
        ];
        generations.extend(
            owners
                .iter()
                .map(|key| self.ports.freshness.generation(key)),
        );
        let [client, organization] = self.load(&owners).await?;
        let (client, organization) = decide_client(
            client.as_ref(),
            organization.as_ref(),
            credential.created_at,
        )
        .map_err(Denied::InvalidToken)?;
        // Anyone may register a service provider: until it is confirmed, its key opens nothing.
        if client.is_unconfirmed() {
            return Err(Denied::InvalidToken(Reason::NotYet).into());
        }
        let principal = Principal {
            environment: compiled.id.clone(),
            organization: Some(organization.id.clone()),
            client: Some(client.id.clone()),
            subject: Some(format!("client:{}", client.id)),
            scopes: client.scopes.intersection(&credential.scopes),
            shown: ShownKind::Credential(credential.kind),
            expires_at: credential.expires_at,
        };
        let mut fact = Fact::of(principal, context.now);
        fact.generations = generations;
        fact.credential = Some(self.credential_fact(credential));
        Ok(fact)
    }

    /// What a decision still has to ask of `credential` at every use.
    pub(super) fn credential_fact(&self, credential: &Credential) -> CredentialFact {
        CredentialFact {
            id: credential.id.clone(),
            allowed_networks: credential.allowed_networks.clone(),
            origins: credential.origins.clone(),
            rate: credential.rate_limit.map(|limit| match credential.kind {
                CredentialKind::RegistrationToken => Rate::EachNetwork(limit),
                _ => Rate::Whole(limit, self.credential_bucket(credential)),
            }),
            used_minute: AtomicI64::new(i64::MIN),
        }
    }
}
