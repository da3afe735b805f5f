//! Objects as clients of the v1 flavour know them: each with its type, one public key, and more members.

use super::{
    Flavour, picture,
    states::{self, Status},
    tutorial::{signature, time},
};
use crate::wire::nonce::in_threes;
use countersign_engine::{
    denied::Fault,
    model::provider_object::{
        AssetFacts, IdentificationFacts, OperationFacts, ProviderFacts, ProviderObject,
    },
    secret::Secret,
    time::Timestamp,
};
use data_encoding::HEXLOWER;
use schemars::JsonSchema;
use serde::Serialize;

/// Any object, whole.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Object<'a> {
    Identification(Identification<'a>),
    Asset(Asset<'a>),
    Operation(Operation<'a>),
    Provider(ServiceProvider<'a>),
}

/// What every object begins with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Common<'a> {
    /// `identification`, `asset`, `authenticate`, `sign`, `decrypt` or `serviceprovider`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What people call it; null of all but service providers.
    name: Option<&'a str>,
    /// Which.
    uuid: &'a str,
    /// The state as a number: the types number theirs apart.
    status_code: u8,
    /// The state as a word.
    status_text: &'static str,
    /// When it was made.
    created_at: String,
    /// When it last changed.
    updated_at: String,
}

/// A nonce that is shown to a person, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IdentificationV1")]
pub struct Identification<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    /// Nine digits.
    nonce: &'a str,
    /// The nonce in groups of three, as people are shown it.
    nonce_formatted: String,
    /// The asset of whoever typed it in; null before.
    asset_uuid: Option<&'a str>,
    /// Opens the phone page with the nonce in it; null once it is no good any more, and where there is no phone page.
    appapi: Option<&'a str>,
    /// The same link as a QR code: base64 of a PNG.
    qrcode: Option<String>,
}

/// A person's keys, of which this flavour knows one.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AssetV1")]
pub struct Asset<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    /// RSA, in PEM: the pair that this flavour uses for every operation.
    public_key: &'a str,
}

/// An operation that a person is asked for, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OperationV1")]
pub struct Operation<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    /// 32 hexadecimal digits that open nothing.
    token: &'a str,
    /// What site and phone show, to be compared.
    otp: &'a str,
    /// The asset that is asked.
    asset_uuid: &'a str,
    /// Whether we verified the signature.
    verified: bool,
    /// The RSA signature, hexadecimal; of a decryption: the initialisation vector and what AES-CBC made of the plain
    /// text. Null before it is accepted.
    signature: Option<String>,
    /// SHA-256 of what is signed, hexadecimal.
    fingerprint: String,
    /// Whether the device should be woken.
    notify: bool,
    /// Where the document stands.
    resource_uri: Option<&'a str>,
    /// Always null: what it would be for is documented nowhere.
    nonce: (),
    /// Always null, too.
    nonce_formatted: (),
    /// Always null, too.
    request_nonce: (),
}

/// A service provider.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ServiceProvider<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    /// Its key, told once, when it registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    api_key: Option<&'a str>,
    /// Nine digits that its owner types into a phone; null once that was done.
    nonce: Option<&'a str>,
    /// The nonce in groups of three.
    nonce_formatted: Option<String>,
    /// Its own page.
    url: Option<&'a str>,
    /// Where every change of its objects is told.
    callback_url: Option<&'a str>,
    /// Where every change is told by name only.
    notification_url: Option<&'a str>,
    /// The asset of whoever confirmed it.
    asset_uuid: Option<&'a str>,
    /// Always null: no domain is looked at.
    domain_challenge: (),
    /// Always null, too.
    domain_challenge_url: (),
    /// Always false.
    domain_validated: bool,
    /// Always null: assets are not counted.
    asset_count: (),
}

/// What came of looking at a domain.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DomainValidation {
    /// Always false: no domain is looked at.
    pub success: bool,
}

impl<'a> Object<'a> {
    /// Any object, without the secret that only a registration tells.
    pub fn new(object: &'a ProviderObject) -> Result<Self, Fault> {
        Ok(match object {
            ProviderObject::Identification(facts) => {
                Self::Identification(Identification::new(facts)?)
            }
            ProviderObject::Asset(facts) => Self::Asset(Asset::new(facts)),
            ProviderObject::Operation(facts) => Self::Operation(Operation::new(facts)),
            ProviderObject::Provider(facts) => Self::Provider(ServiceProvider::new(facts, None)),
        })
    }
}

/// What the wire calls the type of an object.
pub(super) const fn kind(object: &ProviderObject) -> &'static str {
    match object {
        ProviderObject::Identification(_) => "identification",
        ProviderObject::Asset(_) => "asset",
        ProviderObject::Operation(facts) => facts.kind.word(),
        ProviderObject::Provider(_) => "serviceprovider",
    }
}

fn common<'a>(
    kind: &'static str,
    uuid: &'a str,
    status: Status,
    [created_at, updated_at]: [Timestamp; 2],
) -> Common<'a> {
    Common {
        kind,
        name: None,
        uuid,
        status_code: status.code,
        status_text: status.text,
        created_at: time(created_at),
        updated_at: time(updated_at),
    }
}

impl<'a> Identification<'a> {
    pub(super) fn new(facts: &'a IdentificationFacts) -> Result<Self, Fault> {
        let link = facts.link.as_deref();
        Ok(Self {
            common: common(
                "identification",
                facts.id.as_str(),
                states::identification(facts.state),
                [facts.created_at, facts.updated_at],
            ),
            nonce: &facts.nonce,
            nonce_formatted: in_threes(&facts.nonce),
            asset_uuid: facts.asset.as_ref().map(|asset| asset.as_str()),
            appapi: link,
            qrcode: link.map(picture::qr_png).transpose()?,
        })
    }
}

impl<'a> Asset<'a> {
    pub(super) fn new(facts: &'a AssetFacts) -> Self {
        Self {
            common: common(
                "asset",
                facts.id.as_str(),
                states::asset(facts.state),
                [facts.created_at, facts.updated_at],
            ),
            public_key: &facts.public_key_authenticate,
        }
    }
}

impl<'a> Operation<'a> {
    pub(super) fn new(facts: &'a OperationFacts) -> Self {
        Self {
            common: common(
                facts.kind.word(),
                facts.id.as_str(),
                states::operation(facts.state, Flavour::V1),
                [facts.created_at, facts.updated_at],
            ),
            token: &facts.token,
            otp: &facts.otp,
            asset_uuid: facts.asset.as_str(),
            verified: facts.verified,
            signature: signature(facts),
            fingerprint: HEXLOWER.encode(facts.fingerprint.as_bytes()),
            notify: facts.notify,
            resource_uri: facts.resource_uri.as_deref(),
            nonce: (),
            nonce_formatted: (),
            request_nonce: (),
        }
    }
}

impl<'a> ServiceProvider<'a> {
    pub(super) fn new(facts: &'a ProviderFacts, api_key: Option<&'a Secret<String>>) -> Self {
        let nonce = facts.nonce.as_deref();
        // When a client last changed is not kept.
        let mut common = common(
            "serviceprovider",
            facts.id.as_str(),
            states::provider(facts.state),
            [facts.created_at, facts.created_at],
        );
        common.name = Some(&facts.name);
        Self {
            common,
            api_key: api_key.map(|key| key.expose().as_str()),
            nonce,
            nonce_formatted: nonce.map(in_threes),
            url: facts.url.as_deref(),
            callback_url: facts.callback_url.as_deref(),
            notification_url: facts.notification_url.as_deref(),
            asset_uuid: facts.admin_asset.as_ref().map(|asset| asset.as_str()),
            domain_challenge: (),
            domain_challenge_url: (),
            domain_validated: false,
            asset_count: (),
        }
    }
}
