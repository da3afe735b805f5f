//! A set of public keys (RFC 7517 section 5).

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jwk::{Jwk, PRIVATE_MEMBERS};
use crate::limits::Limits;
use crate::strict_json::{self, StrictJsonError};

/// A JWK set: what a `jwks_uri` answers, ours and a partner's.
///
/// Reading skips keys that it cannot read, so that a partner can add new kinds (section 5), but
/// refuses the whole set if any key shows a private member: that set has leaked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JwkSet {
    /// The keys, in the set's order.
    pub keys: Vec<Jwk>,
}

/// Why a document is no JWK set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadJwkSet {
    /// Not strict JSON within the limits.
    #[error("the key set is not strict JSON: {0}")]
    Json(#[from] StrictJsonError),
    /// No object with an array `keys`.
    #[error("the key set is not an object with an array `keys`")]
    Shape,
    /// A key shows a private member.
    #[error("the key set holds a private key")]
    PrivateKey,
}

impl JwkSet {
    /// Reads a set that a stranger sent; `limits.array_max` bounds the number of keys, the caller
    /// bounds the bytes.
    ///
    /// # Errors
    /// [`BadJwkSet`].
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, BadJwkSet> {
        Self::from_value(strict_json::parse(bytes, limits)?)
    }

    /// The keys of that name. More than one is legal (section 4.5), and the caller's to judge.
    pub fn with_kid<'a>(&'a self, kid: &'a str) -> impl Iterator<Item = &'a Jwk> {
        self.keys
            .iter()
            .filter(move |jwk| jwk.kid.as_deref() == Some(kid))
    }

    fn from_value(value: Value) -> Result<Self, BadJwkSet> {
        let Value::Object(mut members) = value else {
            return Err(BadJwkSet::Shape);
        };
        let Some(Value::Array(entries)) = members.remove("keys") else {
            return Err(BadJwkSet::Shape);
        };
        let shows_private = |entry: &Value| {
            PRIVATE_MEMBERS
                .iter()
                .any(|&member| entry.get(member).is_some())
        };
        if entries.iter().any(shows_private) {
            return Err(BadJwkSet::PrivateKey);
        }
        let keys = entries
            .into_iter()
            .filter_map(|entry| serde_json::from_value(entry).ok())
            .collect();
        Ok(Self { keys })
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    /// For documents that are already trusted to be strict; bytes from strangers go through
    /// [`JwkSet::parse`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
