//! What service providers are told of rows: by polls and by callbacks, the same.

use crate::{
    model::{State, client::ServiceProvider},
    model::{
        approval::{Approval, ApprovalState, Operation, OperationKind},
        asset::Asset,
        client::Client,
        environment::Environment,
        held_key::HeldKey,
        identification::{Identification, IdentificationState},
        provider_object::{
            AssetFacts, IdentificationFacts, OperationFacts, ProviderFacts, ProviderObject,
            ProviderState,
        },
    },
    time::Timestamp,
};
use aws_lc_rs::{
    digest,
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};

/// What is told of an identification by `now`.
pub(crate) fn identification_facts(
    environment: &Environment,
    row: &Identification,
    now: Timestamp,
) -> IdentificationFacts {
    let state = row.state_at(now);
    let phone = environment.phone_url.as_ref();
    let is_good = state == IdentificationState::Created;
    IdentificationFacts {
        id: row.id.clone(),
        nonce: row.nonce.clone(),
        state,
        asset: row.asset.clone(),
        // Behind a `#`, so that no server on the way reads it.
        link: phone
            .filter(|_| is_good)
            .map(|url| format!("{url}/phone#nonce={}", row.nonce)),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// What is told of an asset.
pub(crate) fn asset_object(asset: &Asset) -> ProviderObject {
    ProviderObject::Asset(Box::new(AssetFacts {
        id: asset.id.clone(),
        state: asset.state,
        public_key_sign: asset.sign.public_pem(),
        public_key_decrypt: asset.decrypt.public_pem(),
        public_key_authenticate: asset.authenticate.public_pem(),
        created_at: asset.created_at,
        updated_at: asset.updated_at,
    }))
}

/// What is told of an operation by `now`; none of an approval that is no operation. `asset` is the one that it names.
pub(crate) fn operation_object(
    approval: &Approval,
    asset: &Asset,
    now: Timestamp,
) -> Option<ProviderObject> {
    let operation = approval.operation()?;
    let state = approval.state_at(now);
    Some(ProviderObject::Operation(Box::new(OperationFacts {
        id: approval.id.clone(),
        kind: operation.kind,
        state,
        asset: operation.asset.clone(),
        token: approval.token.clone(),
        otp: approval.otp.clone(),
        fingerprint: operation.fingerprint,
        resource_uri: operation.resource_uri.clone(),
        notify: operation.notify,
        signature: approval.signature.clone(),
        verified: state == ApprovalState::Approved && is_verified(approval, operation, asset),
        created_at: approval.created_at,
        updated_at: approval.updated_at,
    })))
}

/// Our own check of the signature, with the public half that the service provider has. What was decrypted is none.
fn is_verified(approval: &Approval, operation: &Operation, asset: &Asset) -> bool {
    let key = pair_of(asset, operation.pair);
    let signature = approval.signature.as_ref();
    operation.kind != OperationKind::Decrypt
        && signature
            .is_some_and(|signature| verifies(key, operation.fingerprint.as_bytes(), &signature.0))
}

/// The pair of an asset that is called so.
pub(crate) const fn pair_of(asset: &Asset, pair: OperationKind) -> &HeldKey {
    match pair {
        OperationKind::Authenticate => &asset.authenticate,
        OperationKind::Sign => &asset.sign,
        OperationKind::Decrypt => &asset.decrypt,
    }
}

/// Whether this is RSASSA-PKCS1-v1_5 by `key` over the data whose SHA-256 is `fingerprint` (RFC 8017 section 8.2.2).
fn verifies(key: &HeldKey, fingerprint: &[u8; 32], signature: &[u8]) -> bool {
    let Ok(digest) = digest::Digest::import_less_safe(fingerprint, &digest::SHA256) else {
        return false;
    };
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.public);
    public.verify_digest(&digest, signature).is_ok()
}

/// What is told of a service provider; `nonce` while it waits to be confirmed. None of a client that is none.
pub(crate) fn provider_object(client: &Client, nonce: Option<String>) -> Option<ProviderObject> {
    let provider = client.provider.as_ref()?;
    Some(ProviderObject::Provider(Box::new(ProviderFacts {
        id: client.id.clone(),
        name: client.display_name.clone(),
        state: provider_state(client.state, provider),
        nonce: nonce.filter(|_| provider.unconfirmed),
        url: provider.url.clone(),
        callback_url: provider.callback_url.clone(),
        notification_url: provider.notification_url.clone(),
        admin_asset: provider.admin_asset.clone(),
        created_at: client.created_at,
    })))
}

const fn provider_state(state: State, provider: &ServiceProvider) -> ProviderState {
    match (state, provider.unconfirmed) {
        (State::Disabled, _) => ProviderState::Deactivated,
        (State::Active, true) => ProviderState::Created,
        (State::Active, false) => ProviderState::Activated,
    }
}

impl ProviderObject {
    /// The identifier of the object.
    pub fn id(&self) -> &str {
        match self {
            Self::Identification(facts) => facts.id.as_str(),
            Self::Asset(facts) => facts.id.as_str(),
            Self::Operation(facts) => facts.id.as_str(),
            Self::Provider(facts) => facts.id.as_str(),
        }
    }
}
