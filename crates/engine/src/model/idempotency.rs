//! Remembered creations, so that a repeated request is answered again and not done again.

use crate::{digest::Digest, id::EnvironmentId, row::Key, sealed::Sealed, time::Timestamp};
use serde::{Deserialize, Serialize};

/// One creation that carried an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Where it happened.
    pub environment: EnvironmentId,
    /// Of the caller and the key: two callers may use the same key.
    pub digest: Digest,
    /// Of the request: the same key with another body is refused.
    pub request: Digest,
    /// What was made.
    pub made: Key,
    /// The secret of the answer, under a key that only a repeat of the request can derive.
    pub secret: Option<Sealed>,
    /// The data key that it is sealed under besides, where the environment has none: the installation's answers.
    pub data_key: Option<Sealed>,
    /// Until when the secret is told again.
    pub secret_until: Timestamp,
    /// When the key may be forgotten.
    pub expires_at: Timestamp,
}
