//! The compact serialization (RFC 7515 section 7.1), parsed before and verified after a key is
//! chosen.

use crate::base64url::base64url_decode;
use crate::claims::Claims;
use crate::header::{Header, HeaderError};
use crate::key::BadSignature;
use crate::limits::Limits;
use crate::strict_json::{self, StrictJsonError};
use crate::verifying_key::VerifyingKey;

/// One of the three parts of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Before the first dot.
    Header,
    /// Between the dots.
    Payload,
    /// After the second dot.
    Signature,
}

/// Why a text is not a compact JWS that we would look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than [`Limits::token_bytes_max`].
    #[error("the token is too long")]
    TooLong,
    /// Not three parts.
    #[error("the token does not have three parts")]
    Parts,
    /// Five parts: a JWE.
    #[error("encrypted tokens are not accepted")]
    Encrypted,
    /// A part is empty.
    #[error("{0:?} is empty")]
    Empty(Part),
    /// A part is not canonical base64url.
    #[error("{0:?} is not base64url")]
    Base64(Part),
    /// The header is longer than [`Limits::header_bytes_max`].
    #[error("the header is too long")]
    HeaderTooLong,
    /// The header is not strict JSON.
    #[error("the header is not strict JSON: {0}")]
    HeaderJson(StrictJsonError),
    /// The header says something that is never accepted.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// Why a well-formed token gives no claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The header's `alg` is not the key's algorithm.
    #[error("the token's algorithm is not the key's")]
    Algorithm,
    /// The signature is not the key's.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Signed, and the payload is not strict JSON.
    #[error("the claims are not strict JSON: {0}")]
    ClaimsJson(#[from] StrictJsonError),
    /// Signed, and the payload is not a JSON object.
    #[error("the claims are not an object")]
    ClaimsNotAnObject,
}

/// A compact JWS, taken apart. **Nothing in it is verified yet**: what it gives before
/// [`verify`](Self::verify) serves to choose a key and for nothing else.
#[derive(Debug, Clone)]
pub struct Compact<'a> {
    signing_input: &'a str,
    header_encoded: &'a str,
    header_bytes: Vec<u8>,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
    limits: Limits,
}

impl<'a> Compact<'a> {
    /// Takes a token apart. A header that brings its own key (`jwk`, `jku`, `x5u`, `x5c`) is refused.
    ///
    /// # Errors
    /// [`Malformed`], the first reason found.
    pub fn parse(token: &'a str, limits: &Limits) -> Result<Self, Malformed> {
        Self::parse_inner(token, limits, false)
    }

    /// As [`parse`](Self::parse), but the header may hold a `jwk`, as a DPoP proof must (RFC 9449
    /// section 4.2). The caller reads it from [`Header::get`] and must bind it to something.
    ///
    /// # Errors
    /// [`Malformed`], the first reason found.
    pub fn parse_with_embedded_jwk(token: &'a str, limits: &Limits) -> Result<Self, Malformed> {
        Self::parse_inner(token, limits, true)
    }

    fn parse_inner(token: &'a str, limits: &Limits, embedded_jwk: bool) -> Result<Self, Malformed> {
        // The length first: everything below costs at most a fixed amount.
        if token.len() > limits.token_bytes_max {
            return Err(Malformed::TooLong);
        }
        match token.bytes().filter(|&byte| byte == b'.').count() {
            2 => {}
            4 => return Err(Malformed::Encrypted),
            _ => return Err(Malformed::Parts),
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Malformed::Parts)?;
        let (header_encoded, payload) = signing_input.split_once('.').ok_or(Malformed::Parts)?;

        let header_bytes = decode(Part::Header, header_encoded)?;
        let payload = decode(Part::Payload, payload)?;
        let signature = decode(Part::Signature, signature)?;

        if header_bytes.len() > limits.header_bytes_max {
            return Err(Malformed::HeaderTooLong);
        }
        let members = strict_json::parse_object(&header_bytes, limits)
            .map_err(Malformed::HeaderJson)?
            .ok_or(HeaderError::NotAnObject)?;
        let header = Header::from_members(members, embedded_jwk)?;
        Ok(Self {
            signing_input,
            header_encoded,
            header_bytes,
            header,
            payload,
            signature,
            limits: *limits,
        })
    }

    /// The header's JSON, as the sender wrote it.
    #[must_use]
    pub fn header_bytes(&self) -> &[u8] {
        &self.header_bytes
    }

    /// The first part, as carried: to compare with the exact headers of token profiles.
    #[must_use]
    pub fn header_encoded(&self) -> &'a str {
        self.header_encoded
    }

    /// The header, unverified.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The first two parts with their dot: what is signed. Two tokens with the same signing input
    /// say the same, although an ECDSA signature has more than one form.
    #[must_use]
    pub fn signing_input(&self) -> &'a str {
        self.signing_input
    }

    /// **Untrusted.** A string claim before verification, to choose a key by issuer and for
    /// nothing else. `None` if absent, not a string, or the claims are not strict JSON.
    #[must_use]
    pub fn unverified_claim_str(&self, name: &str) -> Option<String> {
        let mut claims = strict_json::parse_object(&self.payload, &self.limits).ok()??;
        match claims.remove(name) {
            Some(serde_json::Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Verifies with `key` and its algorithm, and hands out the claims.
    ///
    /// # Errors
    /// [`VerifyError`]. The claims' JSON is looked at only after the signature.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Claims, VerifyError> {
        if self.header.alg != key.algorithm().name() {
            return Err(VerifyError::Algorithm);
        }
        key.verify(self.signing_input.as_bytes(), &self.signature)?;
        strict_json::parse_object(&self.payload, &self.limits)?
            .map(Claims::verified)
            .ok_or(VerifyError::ClaimsNotAnObject)
    }
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, Malformed> {
    if text.is_empty() {
        return Err(Malformed::Empty(part));
    }
    base64url_decode(text).map_err(|_| Malformed::Base64(part))
}
