//! An API key as Bearer, at our own endpoints: the environment scope of a server.

use super::{Authenticated, ClientCaller, Refused};
use crate::{
    Engine,
    call::CallContext,
    denied::{Denied, Reason, Refusal},
    model::credential::CredentialKind,
    opaque::{self, Glance},
    row::{Key, Stored},
    secret::Secret,
};

impl Engine {
    pub(super) async fn verify_api_key(
        &self,
        context: &CallContext,
        key: &Secret<String>,
    ) -> Result<Authenticated<ClientCaller>, Refused> {
        let compiled = self.arrived(context).await?;
        let brand = &compiled.environment()?.brand;
        if opaque::glance(key.expose(), brand, &compiled.id, &compiled.tag_keys) == Glance::Forged {
            return Err(Denied::InvalidToken(Reason::Forged).into());
        }
        let digest = opaque::lookup(&compiled.id, key.expose());
        let [found] = self
            .load(&[Key::Credential(compiled.id.clone(), digest)])
            .await?;
        let credential = found.as_deref().and_then(Stored::credential);
        let credential = credential.ok_or(Denied::InvalidToken(Reason::Unknown))?;
        if credential.kind != CredentialKind::ApiKey {
            return Err(Refused::of(Denied::InvalidToken(Reason::Kind), credential));
        }
        // What a client's own endpoints call a wrong client is a wrong token here.
        self.admit(context, credential)
            .await
            .map_err(|refusal| match refusal {
                Refusal::Denied(Denied::InvalidClient(reason)) => {
                    Refused::of(Denied::InvalidToken(reason), credential)
                }
                other => Refused::of(other, credential),
            })
    }
}
