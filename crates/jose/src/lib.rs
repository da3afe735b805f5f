//! Sign and verify JSON Web Signatures, strictly: RFC 7515, 7517, 7518, 7519, 7638, 8037 and the
//! advice of RFC 8725.
//!
//! The crate has no clock, no I/O and no policy on claims. What it holds to:
//!
//! - **The algorithm belongs to the key.** A token's `alg` is only ever compared with it.
//! - **A key is parsed once, into a type.** Nothing keeps "bytes that may be a key".
//! - **Claims come only from a verified token**, and a claim of the wrong type is an error, never
//!   an absent claim.
//! - **One spelling per token part**: no padding, slack bits, duplicate members or trailing bytes.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod algorithm;
mod base64url;
mod claims;
mod compact;
mod der;
mod header;
mod jwk;
mod jwks;
mod key;
mod limits;
mod pem;
mod public_key;
mod secret;
mod signer;
mod signing_key;
pub mod strict_json;
mod verifying_key;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use base64url::{BadBase64Url, base64url_decode, base64url_encode};
pub use claims::{ClaimError, Claims, NumericDate};
pub use compact::{Compact, Malformed, Part, VerifyError};
pub use der::pkcs8_private_key as rsa_private_key;
pub use header::{Header, HeaderError};
pub use jwk::Jwk;
pub use jwks::{BadJwkSet, JwkSet};
pub use key::{BadSignature, KeyError, RsaBits, SignError};
pub use limits::Limits;
pub use signer::Signer;
pub use signing_key::SigningKey;
pub use strict_json::StrictJsonError;
pub use verifying_key::VerifyingKey;
