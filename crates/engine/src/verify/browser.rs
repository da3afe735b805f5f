//! Secrets out of place: what a browser holds, everyone holds who opens its tools. A secret credential that
//! arrives from one has leaked, and is refused wherever it is shown.

use super::{Refused, Settled};
use crate::{
    Engine,
    bounds::SECRET_BYTES_MAX,
    call::{CallContext, Shown},
    denied::Denied,
    id::EnvironmentId,
    model::credential::{CredentialKind, Lapsed},
    opaque::{self, Glance},
    row::{Key, Stored},
    secret::Secret,
};
use data_encoding::BASE64;

/// What an `Authorization` carries that could be a secret: what follows the scheme, and the password of a Basic
/// pair, however leniently its base64 is read.
pub fn in_authorization(value: &str) -> Vec<Secret<String>> {
    let Some((scheme, text)) = value.split_once(' ') else {
        return Vec::new();
    };
    let mut found = vec![Secret::new(text.trim().to_owned())];
    if scheme.eq_ignore_ascii_case("basic") {
        let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let pair = BASE64.decode(packed.as_bytes()).ok();
        let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok());
        let password = pair.as_deref().and_then(|pair| pair.split_once(':'));
        found.extend(password.map(|(_, text)| Secret::new(text.trim_end().to_owned())));
    }
    found
}

impl Engine {
    /// Refuse `shown`, which a browser sent, if it is a secret credential: of any kind, also one that the
    /// route would not take. Sessions, access tokens and registration tokens belong in browsers.
    pub(super) async fn refuse_leaked(
        &self,
        context: &CallContext,
        shown: &Shown,
    ) -> Result<(), Refused> {
        match shown {
            Shown::ClientSecret { secret, .. } => self.refuse_secret(context, secret.expose()),
            Shown::Bearer(text) => self.refuse_secret(context, text.expose()),
            // It carries no secret; whose secret signed it is known when it is verified.
            Shown::ClientAssertion { .. } | Shown::DeviceSignature(_) => return Ok(()),
        }
        .await
    }

    /// Refuse `text`, which a browser sent, if it is a secret that lives.
    pub(crate) async fn refuse_secret(
        &self,
        context: &CallContext,
        text: &str,
    ) -> Result<(), Refused> {
        if text.len() > SECRET_BYTES_MAX {
            return Ok(());
        }
        let Some(place) = self.place_of_secret(context, text).await? else {
            return Ok(());
        };
        let digest = opaque::lookup(&place, text);
        let [found] = self.load(&[Key::Credential(place, digest)]).await?;
        let Some(credential) = found.as_deref().and_then(Stored::credential) else {
            return Ok(());
        };
        let is_over = matches!(
            credential.lives(context.now),
            Err(Lapsed::Expired | Lapsed::Revoked)
        );
        // One that has ended is answered like one that never was.
        if is_over || !credential.kind.is_secret() {
            return Ok(());
        }
        Err(Refused::of(Denied::SecretFromBrowser, credential))
    }

    /// Where a secret of this form would be kept; none where it was never made by us.
    async fn place_of_secret(
        &self,
        context: &CallContext,
        text: &str,
    ) -> Result<Option<EnvironmentId>, Refused> {
        let installation = EnvironmentId::installation();
        if is_operators(text) || context.environment == installation {
            return Ok(Some(installation));
        }
        let compiled = self.arrived(context).await?;
        let brand = &compiled.environment()?.brand;
        let glance = opaque::glance(text, brand, &compiled.id, &compiled.tag_keys);
        Ok((glance != Glance::Forged).then(|| compiled.id.clone()))
    }
}

/// Whether `text` begins like an operator's token, which is good for the installation and no environment.
fn is_operators(text: &str) -> bool {
    let word = CredentialKind::OperatorToken.opaque_word();
    opaque::looks_like_ours(text, opaque::BRAND) && text.split('_').nth(1) == word
}

/// The same for what was verified: an assertion that a shared secret signed shows who holds that secret.
pub(super) fn decide_signer(settled: Settled) -> Result<Settled, Refused> {
    match &settled {
        Settled::Client(caller) if caller.who().credential.kind.is_secret() => Err(Refused::of(
            Denied::SecretFromBrowser,
            &caller.who().credential,
        )),
        _ => Ok(settled),
    }
}
