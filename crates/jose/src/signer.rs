//! Signing tokens of one kind: the header is encoded once, claims are appended and signed.

use std::fmt;
use std::sync::Arc;

use crate::algorithm::Algorithm;
use crate::base64url::{base64url_append, base64url_encode, base64url_len};
use crate::key::SignError;
use crate::limits::Limits;
use crate::signing_key::SigningKey;
use crate::strict_json;

/// Room for the longest usual signature (RSA 4096) in base64url.
const SIGNATURE_CHARS_MAX: usize = 683;

/// A [`SigningKey`] with the header of its tokens. Cloning is cheap.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    header_encoded: Arc<str>,
    header_fits: bool,
}

impl Signer {
    /// `header_json` is taken byte for byte, such as `{"alg":"RS384","typ":"JWT"}`: token profiles
    /// print headers whose order and members must not be normalised. If its `alg` is not the
    /// key's, every [`sign`](Self::sign) fails.
    #[must_use]
    pub fn new(key: SigningKey, header_json: &str) -> Self {
        let header_fits =
            strict_json::parse(header_json.as_bytes(), &Limits::default()).is_ok_and(|header| {
                header.get("alg").and_then(|alg| alg.as_str()) == Some(key.algorithm().name())
            });
        Self {
            key,
            header_encoded: base64url_encode(header_json.as_bytes()).into(),
            header_fits,
        }
    }

    /// The key's algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The first part of every token of this signer.
    #[must_use]
    pub fn header_encoded(&self) -> &str {
        &self.header_encoded
    }

    /// Signs the claims, byte for byte as given, into a compact JWS (RFC 7515 section 7.1).
    ///
    /// # Errors
    /// [`SignError`]; never the caller's fault.
    pub fn sign(&self, claims_json: &[u8]) -> Result<String, SignError> {
        if !self.header_fits {
            return Err(SignError::HeaderAlgorithm);
        }
        let mut token = String::with_capacity(
            self.header_encoded.len() + base64url_len(claims_json.len()) + 2 + SIGNATURE_CHARS_MAX,
        );
        token.push_str(&self.header_encoded);
        token.push('.');
        base64url_append(claims_json, &mut token);
        let signature = self.key.sign(token.as_bytes())?;
        token.push('.');
        base64url_append(&signature, &mut token);
        Ok(token)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key", &self.key)
            .field("header_encoded", &self.header_encoded)
            .finish_non_exhaustive()
    }
}
