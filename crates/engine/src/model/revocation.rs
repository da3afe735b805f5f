//! Revocations of tokens that we do not store: kept until the token would have ended anyway.

use crate::{digest::Digest, id::EnvironmentId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// One revoked JWT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Where it was a token.
    pub environment: EnvironmentId,
    /// Of what was signed; a second row is of the `jti` where the profile prints one.
    pub digest: Digest,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// The token's own end.
    pub expires_at: Timestamp,
}
