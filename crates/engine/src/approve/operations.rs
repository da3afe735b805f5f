//! Operations: what service providers ask of an asset's keys.

use super::{
    ask::NewApproval,
    facts::operation_object,
    providers::{poll_of, provider_of},
};
use crate::{
    Engine,
    admin::check::Problems,
    bounds::{CIPHER_BYTES, TARGET_URL_BYTES_MAX},
    call::{CallContext, NewOperation},
    denied::{Denied, Fault, ProblemKind, Refusal},
    digest::Digest,
    engine::not_found,
    id::{ApprovalId, AssetId},
    model::{
        approval::{Approval, Asked, Operation, OperationKind, Seat},
        asset::{Asset, AssetState},
        client::Client,
        held_key::{HeldPrivate, Oaep},
    },
    outcome::ProviderOutcome,
    row::{Key, Stored},
    verify::{Authenticated, ClientCaller},
};

impl Engine {
    pub(super) async fn ask_operation(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        new: NewOperation,
    ) -> Result<ProviderOutcome, Refusal> {
        let provider = provider_of(caller)?;
        let names = [provider.id.as_str(), new.asset.as_str()];
        self.take_asking(context, "countersign/asking/asset", names)?;
        let compiled = self.arrived(context).await?;
        let asset = self.asset_at(context, &new.asset).await?;
        let asset = decide_operation(&new, provider, asset)?;
        let fingerprint = match new.fingerprint {
            Some(bytes) => bytes,
            None => self.random_fingerprint()?,
        };
        let people = NewApproval {
            organization: Some(provider.organization.clone()),
            seats: vec![Seat {
                approver: None,
                display_name: None,
                device: asset.device.clone(),
                asset: asset.id.clone(),
            }],
            needed: 1,
            text: sentence(new.kind, &provider.display_name),
            actor: format!("client:{}", provider.id),
            asked: Asked::Operation(Operation {
                provider: provider.id.clone(),
                kind: new.kind,
                asset: asset.id.clone(),
                pair: new.pair,
                fingerprint: Digest::from_bytes(fingerprint),
                resource_uri: new.resource_uri,
                notify: new.notify,
                cipher: new.cipher,
            }),
        };
        let made = self.ask_people(context, &compiled, people);
        outcome_of(context, &made.await?, &asset)
    }

    pub(super) async fn show_operation(
        &self,
        context: &CallContext,
        caller: &Authenticated<ClientCaller>,
        kind: OperationKind,
        id: &ApprovalId,
    ) -> Result<ProviderOutcome, Refusal> {
        let provider = provider_of(caller)?;
        let key = Key::Approval(context.environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        let approval = stored.as_deref().and_then(Stored::approval);
        let is_own =
            |operation: &Operation| operation.provider == provider.id && operation.kind == kind;
        let own = approval.and_then(|approval| {
            let operation = approval.operation().filter(|operation| is_own(operation))?;
            Some((approval, operation))
        });
        let (approval, operation) = own.ok_or_else(|| not_found(kind.word()))?;
        self.take_poll(context, poll_of(context, "approval", id.as_str()))?;
        let asset = self.asset_at(context, &operation.asset).await?;
        let asset = asset.ok_or_else(|| Fault::internal("an approval outlived its asset"))?;
        outcome_of(context, approval, &asset)
    }

    async fn asset_at(&self, context: &CallContext, id: &AssetId) -> Result<Option<Asset>, Fault> {
        let key = Key::Asset(context.environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        Ok(stored.as_deref().and_then(Stored::asset).cloned())
    }

    /// SHA-256 of random bytes, for a provider that only wants to know that the person is there.
    fn random_fingerprint(&self) -> Result<[u8; 32], Fault> {
        let mut bytes = [0; 32];
        self.ports.entropy.fill(&mut bytes)?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        let digest = digest.as_ref().try_into();
        digest.map_err(|_| Fault::internal("SHA-256 has 32 bytes"))
    }
}

fn outcome_of(
    context: &CallContext,
    approval: &Approval,
    asset: &Asset,
) -> Result<ProviderOutcome, Refusal> {
    let object = operation_object(approval, asset, context.now);
    Ok(ProviderOutcome {
        object: object.ok_or_else(|| Fault::internal("an operation became something else"))?,
        api_key: None,
    })
}

/// What people are shown.
fn sentence(kind: OperationKind, provider: &str) -> String {
    match kind {
        OperationKind::Authenticate => format!("Log in at {provider}"),
        OperationKind::Sign => format!("Sign a document for {provider}"),
        OperationKind::Decrypt => format!("Decrypt something for {provider}"),
    }
}

/// Whether `provider` may ask for this. Fields are named as Ubiqu names them. Gives the asset.
fn decide_operation(
    new: &NewOperation,
    provider: &Client,
    asset: Option<Asset>,
) -> Result<Asset, Denied> {
    let own = asset.filter(|asset| asset.provider.as_ref() == Some(&provider.id));
    let asset = own.ok_or_else(|| Denied::invalid("asset_uuid", ProblemKind::NoSuch))?;
    let mut problems = Problems::default();
    if let Some(uri) = &new.resource_uri {
        problems.at_most(uri.len(), TARGET_URL_BYTES_MAX, "resource_uri");
        let expected = "an absolute URI in printable ASCII: https://example.com/contract.pdf";
        problems.expect(is_uri(uri), "resource_uri", expected);
    }
    decide_cipher(new, &asset, &mut problems);
    problems.done()?;
    match asset.state {
        AssetState::Active => Ok(asset),
        AssetState::Locked => Err(Denied::Conflict("the asset is locked")),
        AssetState::Destroyed => Err(Denied::Conflict("the asset is destroyed")),
    }
}

fn decide_cipher(new: &NewOperation, asset: &Asset, problems: &mut Problems) {
    let decrypts = new.kind == OperationKind::Decrypt;
    let Some(cipher) = &new.cipher else {
        problems.expect(!decrypts, "cipher_data", "what is to be decrypted");
        return;
    };
    problems.expect(decrypts, "cipher_data", "none: this decrypts nothing");
    for (bytes, field) in [(&cipher.data, "cipher_data"), (&cipher.key, "cipher_key")] {
        let expected = "256 bytes in hexadecimal: RSA-OAEP under the asset's key";
        problems.expect(bytes.0.len() == CIPHER_BYTES, field, expected);
    }
    let expected = "RSA-OAEP with one hash for label and mask: SHA-1 or SHA-256";
    let is_mixed = cipher.form == Oaep::Sha256Mgf1Sha1;
    problems.expect(!is_mixed, "oaep", expected);
    // Said now, and not after somebody has approved what then fails.
    let key = super::facts::pair_of(asset, new.pair);
    let in_token = matches!(key.private, HeldPrivate::Token { .. });
    let expected = "RSA-OAEP with SHA-1: the key is in a hardware token";
    problems.expect(!(in_token && cipher.form == Oaep::Sha256), "oaep", expected);
}

/// It is shown to people: nothing in it may hide or turn around what they read.
fn is_uri(text: &str) -> bool {
    let rest = text.split_once(':').filter(|(scheme, rest)| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(plain)
            && !rest.is_empty()
    });
    rest.is_some() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
