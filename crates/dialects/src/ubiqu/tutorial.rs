//! Objects as the tutorial prints them: its members in its order, and nothing else.

use super::{
    Flavour,
    states::{self, Status},
};
use crate::wire::nonce::in_threes;
use countersign_engine::{
    model::provider_object::{AssetFacts, IdentificationFacts, OperationFacts},
    time::Timestamp,
};
use data_encoding::HEXLOWER;
use schemars::JsonSchema;
use serde::Serialize;

/// What every object is wrapped in.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "{T}Result")]
pub struct Wrapped<T> {
    /// The object.
    pub result: T,
}

/// A nonce that is shown to a person, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Identification<'a> {
    /// Which.
    uuid: &'a str,
    /// Nine digits.
    nonce: &'a str,
    /// When it was made.
    created_at: String,
    /// The asset of whoever typed it in; null before.
    asset_uuid: Option<&'a str>,
    /// 0 created, 1 consumed, 2 expired.
    status_code: u8,
    /// When it last changed.
    updated_at: String,
    /// The nonce in groups of three, as people are shown it.
    nonce_formatted: String,
    /// The state as a word.
    status_text: &'static str,
}

/// A person's keys.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Asset<'a> {
    /// Which.
    uuid: &'a str,
    /// When it last changed.
    updated_at: String,
    /// When it was made.
    created_at: String,
    /// 1 active, 4 locked, 5 destroyed.
    status_code: u8,
    /// The state as a word.
    status_text: &'static str,
    /// RSA, in PEM without a line break at its end.
    public_key_sign: &'a str,
    /// RSA, in PEM.
    public_key_decrypt: &'a str,
    /// RSA, in PEM.
    public_key_authenticate: &'a str,
}

/// An operation that a person is asked for, and what came of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Operation<'a> {
    /// Which.
    uuid: &'a str,
    /// 0 created, 2 accepted, 3 rejected, 4 expired, 5 failed.
    status_code: u8,
    /// `authenticate`, `sign` or `decrypt`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The state as a word.
    status_text: &'static str,
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
}

impl<'a> Identification<'a> {
    pub(super) fn new(facts: &'a IdentificationFacts) -> Self {
        let Status { code, text } = states::identification(facts.state);
        Self {
            uuid: facts.id.as_str(),
            nonce: &facts.nonce,
            created_at: time(facts.created_at),
            asset_uuid: facts.asset.as_ref().map(|asset| asset.as_str()),
            status_code: code,
            updated_at: time(facts.updated_at),
            nonce_formatted: in_threes(&facts.nonce),
            status_text: text,
        }
    }
}

impl<'a> Asset<'a> {
    pub(super) fn new(facts: &'a AssetFacts) -> Self {
        let Status { code, text } = states::asset(facts.state);
        Self {
            uuid: facts.id.as_str(),
            updated_at: time(facts.updated_at),
            created_at: time(facts.created_at),
            status_code: code,
            status_text: text,
            public_key_sign: &facts.public_key_sign,
            public_key_decrypt: &facts.public_key_decrypt,
            public_key_authenticate: &facts.public_key_authenticate,
        }
    }
}

impl<'a> Operation<'a> {
    pub(super) fn new(facts: &'a OperationFacts) -> Self {
        let Status { code, text } = states::operation(facts.state, Flavour::Tutorial);
        Self {
            uuid: facts.id.as_str(),
            status_code: code,
            kind: facts.kind.word(),
            status_text: text,
            token: &facts.token,
            otp: &facts.otp,
            asset_uuid: facts.asset.as_str(),
            verified: facts.verified,
            signature: signature(facts),
        }
    }
}

/// The signature, or what was decrypted, as the wire has it.
pub(super) fn signature(facts: &OperationFacts) -> Option<String> {
    let bytes = facts.signature.as_ref();
    bytes.map(|bytes| HEXLOWER.encode(&bytes.0))
}

/// As the vendor prints it: always six decimals, and `+00:00`.
pub(super) fn time(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::MAX);
    let text = format!("{at:.6}");
    format!("{}+00:00", text.trim_end_matches('Z'))
}
