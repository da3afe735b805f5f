//! The JOSE header (RFC 7515 section 4), read strictly and believed only for choosing a key.

use serde_json::{Map, Value};

/// Members whose mere presence is refused, each with why.
const REFUSED: [(&str, HeaderError); 9] = [
    // We understand no extension, so every critical one is unknown (section 4.1.11); the empty
    // list is illegal.
    ("crit", HeaderError::Critical),
    // RFC 7797: must be named in `crit`, so it cannot be here rightly.
    ("b64", HeaderError::Critical),
    // Compression and encryption belong to JWE (RFC 7516 section 4.1, RFC 8725 section 3.6).
    ("zip", HeaderError::Encrypted),
    ("enc", HeaderError::Encrypted),
    ("epk", HeaderError::Encrypted),
    // Keys that the token brings along, or says where to fetch (RFC 8725 section 3.10).
    ("jwk", HeaderError::EmbeddedKey),
    ("jku", HeaderError::EmbeddedKey),
    ("x5u", HeaderError::EmbeddedKey),
    ("x5c", HeaderError::EmbeddedKey),
];

/// Why a header is refused before any key is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not a JSON object.
    #[error("the header is not an object")]
    NotAnObject,
    /// `alg` is absent or empty.
    #[error("the header has no alg")]
    NoAlgorithm,
    /// `alg` is `none` in any case, with or without white space.
    #[error("the token is not signed")]
    Unsigned,
    /// `alg`, `typ`, `cty`, `kid` or a thumbprint is not a string.
    #[error("header member {0} is not a string")]
    NotAString(&'static str),
    /// `crit` or `b64` is there, in whatever shape.
    #[error("the header names a critical extension")]
    Critical,
    /// The header belongs to an encrypted or compressed token.
    #[error("encrypted and compressed tokens are not accepted")]
    Encrypted,
    /// `jwk`, `jku`, `x5u` or `x5c` is there.
    #[error("the header brings its own key")]
    EmbeddedKey,
}

/// A parsed header. Everything in it is the sender's word.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Algorithm as written; only compared with the key's, never used to choose one.
    pub alg: String,
    /// Media type of the whole token, such as `JWT` or `at+jwt`.
    pub typ: Option<String>,
    /// Media type of the payload.
    pub cty: Option<String>,
    /// Name of the key. Up to 2 KiB of anything.
    pub kid: Option<String>,
    members: Map<String, Value>,
}

impl Header {
    /// `embedded_jwk` lets a `jwk` through, for a protocol that demands one (RFC 9449).
    pub(crate) fn from_members(
        members: Map<String, Value>,
        embedded_jwk: bool,
    ) -> Result<Self, HeaderError> {
        for (name, reason) in REFUSED {
            let wanted = name == "jwk" && embedded_jwk;
            if members.contains_key(name) && !wanted {
                return Err(reason);
            }
        }
        let alg = string(&members, "alg")?.unwrap_or_default();
        if alg.is_empty() {
            return Err(HeaderError::NoAlgorithm);
        }
        if alg.trim().eq_ignore_ascii_case("none") {
            return Err(HeaderError::Unsigned);
        }
        for name in ["x5t", "x5t#S256"] {
            string(&members, name)?;
        }
        Ok(Self {
            alg,
            typ: string(&members, "typ")?,
            cty: string(&members, "cty")?,
            kid: string(&members, "kid")?,
            members,
        })
    }

    /// Any member, as parsed.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// Whether `typ` is `media_type`, compared as section 4.1.9 says: without regard to case, and
    /// `application/` may be left out on either side. An absent `typ` is no type.
    #[must_use]
    pub fn is_type(&self, media_type: &str) -> bool {
        self.typ
            .as_deref()
            .is_some_and(|typ| short(typ).eq_ignore_ascii_case(short(media_type)))
    }
}

fn string(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, HeaderError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(HeaderError::NotAString(name)),
    }
}

fn short(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.split_at_checked(PREFIX.len()) {
        // With a second slash the prefix may not be left out.
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => media_type,
    }
}
