//! Identifier and secret (RFC 6749 section 2.3.1).

use super::{Authenticated, ClientCaller, Refused, decide_client, decide_credential};
use crate::{
    Engine,
    call::CallContext,
    denied::{Denied, Reason, Refusal},
    id::ClientId,
    limits::Bucket,
    model::credential::{Credential, CredentialKind, Holder},
    opaque::{self, Glance},
    row::{Key, Stored},
    secret::Secret,
    time::Timestamp,
};
use std::sync::Arc;

impl Engine {
    pub(super) async fn verify_client_secret(
        &self,
        context: &CallContext,
        client_id: &str,
        secret: &Secret<String>,
    ) -> Result<Authenticated<ClientCaller>, Refused> {
        let compiled = self.arrived(context).await?;
        let brand = &compiled.environment()?.brand;
        if opaque::glance(secret.expose(), brand, &compiled.id, &compiled.tag_keys)
            == Glance::Forged
        {
            return Err(Denied::InvalidClient(Reason::Forged).into());
        }
        // One look-up by the secret; the identifier only has to agree with what it leads to.
        let key = Key::Credential(
            compiled.id.clone(),
            opaque::lookup(&compiled.id, secret.expose()),
        );
        let [found] = self.load(&[key]).await?;
        let credential = found.as_deref().and_then(Stored::credential);
        let credential = credential.ok_or(Denied::InvalidClient(Reason::Unknown))?;
        let known = |refusal: Refusal| Refused::of(refusal, credential);
        decide_secret(credential, client_id).map_err(|denied| known(denied.into()))?;
        self.admit(context, credential).await.map_err(known)
    }

    /// The client of a credential that was shown rightly: everything that every kind must pass.
    pub(super) async fn admit(
        &self,
        context: &CallContext,
        credential: &Credential,
    ) -> Result<Authenticated<ClientCaller>, Refusal> {
        decide_credential(credential, context.now, context.peer).map_err(Denied::InvalidClient)?;
        let Holder::Client(organization, client) = &credential.holder else {
            return Err(Denied::InvalidClient(Reason::Kind).into());
        };
        let environment = Key::Environment(credential.environment.clone());
        let client = Key::Client(credential.environment.clone(), client.clone());
        let owners = [client, Key::Organization(organization.clone()), environment];
        let rows: [Option<Arc<Stored>>; 3] = self.load(&owners).await?;
        let [client, owner, _] = &rows;
        let (client, owner) = decide_client(client.as_ref(), owner.as_ref(), credential.created_at)
            .map_err(Denied::InvalidClient)?;
        if let Some(limit) = credential.rate_limit {
            self.credential_bucket(credential)
                .take(limit, context.now)
                .map_err(super::too_many)?;
        }
        self.observations.used(
            credential.environment.clone(),
            credential.id.clone(),
            context.now,
        );
        let marks = rows.iter().flatten().map(|stored| stored.not_before);
        // A token that seems older than its client is refused: clocks of two nodes may differ.
        let marks = marks.chain([Timestamp::from_seconds(client.created_at.seconds())]);
        Ok(Authenticated(ClientCaller {
            client: client.clone(),
            organization_number: owner.number,
            scopes: client.scopes.intersection(&credential.scopes),
            credential: credential.clone(),
            tokens_not_before: marks.max().unwrap_or_default(),
        }))
    }

    /// What counts the uses of a credential on this node.
    pub(crate) fn credential_bucket(&self, credential: &Credential) -> Arc<Bucket> {
        let names = [
            credential.environment.as_str().as_bytes(),
            credential.id.as_str().as_bytes(),
        ];
        self.rates.bucket(crate::digest::Digest::of(
            "countersign/rate/credential",
            &names,
        ))
    }
}

/// A client secret, and that of the client whose identifier was shown with it.
fn decide_secret(credential: &Credential, client_id: &str) -> Result<(), Denied> {
    if credential.kind != CredentialKind::ClientSecret {
        return Err(Denied::InvalidClient(Reason::Kind));
    }
    if credential.client().map(ClientId::as_str) != Some(client_id) {
        return Err(Denied::InvalidClient(Reason::Mismatch));
    }
    Ok(())
}
