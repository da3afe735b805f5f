//! What service providers are told of their objects: by polling and by callbacks, the same facts.

use super::{
    approval::{ApprovalState, OperationKind},
    asset::AssetState,
    identification::IdentificationState,
};
use crate::{
    digest::Digest,
    id::{ApprovalId, AssetId, ClientId, IdentificationId},
    octets::Octets,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An object of a service provider, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderObject {
    /// A nonce and what came of it.
    Identification(IdentificationFacts),
    /// A person's keys.
    Asset(Box<AssetFacts>),
    /// An operation and what came of it.
    Operation(Box<OperationFacts>),
    /// The service provider itself.
    Provider(Box<ProviderFacts>),
}

/// What is told of an identification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentificationFacts {
    /// Which.
    pub id: IdentificationId,
    /// Nine digits.
    pub nonce: String,
    /// What came of it by now.
    pub state: IdentificationState,
    /// The asset that it led to.
    pub asset: Option<AssetId>,
    /// What a device's camera reads: leads to the phone page with the nonce in it; none where there is no phone page.
    pub link: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is told of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetFacts {
    /// Which.
    pub id: AssetId,
    /// Whether it can be used.
    pub state: AssetState,
    /// The public half of the pair that signs, in PEM.
    pub public_key_sign: String,
    /// The public half of the pair that decrypts, in PEM.
    pub public_key_decrypt: String,
    /// The public half of the pair that authenticates, in PEM.
    pub public_key_authenticate: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is told of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationFacts {
    /// Which.
    pub id: ApprovalId,
    /// Which operation.
    pub kind: OperationKind,
    /// What came of it by now.
    pub state: ApprovalState,
    /// The asset.
    pub asset: AssetId,
    /// 32 hexadecimal digits that open nothing.
    pub token: String,
    /// What both sides show.
    pub otp: String,
    /// SHA-256 of what is signed.
    pub fingerprint: Digest,
    /// Where the document stands.
    pub resource_uri: Option<String>,
    /// Whether the device should be woken.
    pub notify: bool,
    /// The signature, or what was decrypted.
    pub signature: Option<Octets>,
    /// Whether we verified that signature with the asset's public key.
    pub verified: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is told of a service provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFacts {
    /// Which.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// Whether it can be used.
    pub state: ProviderState,
    /// Nine digits that confirm it; only while it waits for that.
    pub nonce: Option<String>,
    /// Its own page.
    pub url: Option<String>,
    /// Where changes are told.
    pub callback_url: Option<String>,
    /// Where they are told by name only.
    pub notification_url: Option<String>,
    /// The asset whose device confirmed it.
    pub admin_asset: Option<AssetId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether a service provider can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderState {
    /// It registered itself, and nobody has confirmed it.
    Created,
    /// It can.
    Activated,
    /// An operator disabled it.
    Deactivated,
}
