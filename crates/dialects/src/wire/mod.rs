//! Codecs that dialects share: from bytes to values, and from refusals to answers.

pub mod authorization;
pub mod client_auth;
pub mod client_headers;
pub mod describe;
pub mod form;
pub mod headers;
pub mod json;
pub mod media;
pub mod nonce;
pub mod oauth_error;
pub mod openapi;
pub mod percent;
pub mod problem;

use countersign_engine::denied::Malformed;

/// What looking for a credential finds. Three answers: a broken credential is never taken for none.
#[derive(Debug, Clone)]
pub enum Found<T> {
    /// It is not there.
    Absent,
    /// It is there, and cannot be one.
    Malformed(Malformed),
    /// It is there, once.
    Present(T),
}
