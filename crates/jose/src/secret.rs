//! HMAC secrets, for signing and for verifying alike.

use aws_lc_rs::hmac;

use crate::algorithm::Algorithm;
use crate::key::KeyError;

/// Checks and parses an HMAC secret.
pub(crate) fn hmac_key(algorithm: Algorithm, bytes: &[u8]) -> Result<hmac::Key, KeyError> {
    let (hash, min) = match (algorithm, algorithm.secret_bytes_min()) {
        (Algorithm::Hs256, Some(min)) => (hmac::HMAC_SHA256, min),
        (Algorithm::Hs384, Some(min)) => (hmac::HMAC_SHA384, min),
        (Algorithm::Hs512, Some(min)) => (hmac::HMAC_SHA512, min),
        _ => return Err(KeyError::WrongKind),
    };
    if bytes.len() < min {
        return Err(KeyError::SecretTooShort);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(KeyError::SecretIsPem);
    }
    Ok(hmac::Key::new(hash, bytes))
}
