//! One public key as JSON (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).

use aws_lc_rs::digest;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;
use crate::base64url::base64url_encode;

/// A public JSON Web Key. The type has no place for a private member.
///
/// Written in the order of the fields, absent members left out. Reading ignores members that it
/// does not know, and refuses private ones (`d`, `k` and so on), duplicates, and `null`.
/// Reading judges only the shape; whether the numbers are a key is for
/// [`VerifyingKey::from_jwk`](crate::VerifyingKey::from_jwk).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Wire")]
pub struct Jwk {
    /// Key type: `RSA`, `EC` or `OKP`. Others can be read, and are no keys of ours.
    pub kty: String,
    /// Curve: `P-256` or `Ed25519`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// First coordinate, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus, base64url, big-endian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA public exponent, base64url, big-endian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Name among the keys of its set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// `sig` for keys that verify.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub use_: Option<String>,
    /// Operations that the key is for; `verify` must be among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    /// The algorithm's JOSE name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
}

impl Jwk {
    /// The members that all our published keys carry.
    pub(crate) fn for_signatures(kty: &str, algorithm: Algorithm) -> Self {
        Self {
            kty: kty.to_owned(),
            use_: Some("sig".to_owned()),
            alg: Some(algorithm.name().to_owned()),
            ..Self::default()
        }
    }

    /// The same key under a name.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<String>) -> Self {
        Self {
            kid: Some(kid.into()),
            ..self
        }
    }

    /// Whether the key's own description leaves room for verifying with `algorithm`.
    #[must_use]
    pub fn may_verify(&self, algorithm: Algorithm) -> bool {
        self.use_.as_deref().is_none_or(|use_| use_ == "sig")
            && self
                .alg
                .as_deref()
                .is_none_or(|alg| alg == algorithm.name())
            && self
                .key_ops
                .as_ref()
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }

    /// The RFC 7638 thumbprint: SHA-256 over the key type's required members in order of their
    /// names, in base64url, 43 characters. Names the key, whatever `kid` or `alg` it carries.
    ///
    /// For a key type that is not ours it covers whichever of the members above are there.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let required: &[&str] = match self.kty.as_str() {
            "RSA" => &["e", "kty", "n"],
            "EC" => &["crv", "kty", "x", "y"],
            "OKP" => &["crv", "kty", "x"],
            _ => &["crv", "e", "kty", "n", "x", "y"],
        };
        let members: Vec<String> = required
            .iter()
            .filter_map(|&name| {
                // `Value`'s Display is compact JSON, with the fewest escapes (RFC 7638 section 3.3).
                let value = serde_json::Value::from(self.key_member(name)?);
                Some(format!("\"{name}\":{value}"))
            })
            .collect();
        let canonical = format!("{{{}}}", members.join(","));
        base64url_encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref())
    }

    fn key_member(&self, name: &str) -> Option<&str> {
        match name {
            "kty" => Some(&self.kty),
            "crv" => self.crv.as_deref(),
            "x" => self.x.as_deref(),
            "y" => self.y.as_deref(),
            "n" => self.n.as_deref(),
            "e" => self.e.as_deref(),
            _ => None,
        }
    }
}

/// Members that only private and symmetric keys have (RFC 7518 sections 6.2.2, 6.3.2 and 6.4,
/// and the seed of later key types).
pub(crate) const PRIVATE_MEMBERS: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// What is read: the public members, and every private one only to be refused.
#[derive(Deserialize)]
struct Wire {
    kty: String,
    #[serde(default, deserialize_with = "present")]
    crv: Option<String>,
    #[serde(default, deserialize_with = "present")]
    x: Option<String>,
    #[serde(default, deserialize_with = "present")]
    y: Option<String>,
    #[serde(default, deserialize_with = "present")]
    n: Option<String>,
    #[serde(default, deserialize_with = "present")]
    e: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, rename = "use", deserialize_with = "present")]
    use_: Option<String>,
    #[serde(default, deserialize_with = "present")]
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    alg: Option<String>,
    #[serde(
        default,
        alias = "d",
        alias = "p",
        alias = "q",
        alias = "dp",
        alias = "dq",
        alias = "qi",
        alias = "oth",
        alias = "k",
        alias = "priv"
    )]
    private: Private,
}

/// A member that is there must have its type: `null` is not absent.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Can be absent, and cannot be read.
#[derive(Default)]
struct Private;

impl<'de> Deserialize<'de> for Private {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("the JWK holds a private member"))
    }
}

impl From<Wire> for Jwk {
    fn from(wire: Wire) -> Self {
        let Private = wire.private;
        Self {
            kty: wire.kty,
            crv: wire.crv,
            x: wire.x,
            y: wire.y,
            n: wire.n,
            e: wire.e,
            kid: wire.kid,
            use_: wire.use_,
            key_ops: wire.key_ops,
            alg: wire.alg,
        }
    }
}
