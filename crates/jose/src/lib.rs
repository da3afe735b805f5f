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
mod limits;
pub mod strict_json;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use base64url::{BadBase64Url, base64url_decode, base64url_encode};
pub use limits::Limits;
pub use strict_json::StrictJsonError;

/// Placeholder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Jwk {
    /// Key type.
    pub kty: String,
}

/// Placeholder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}
