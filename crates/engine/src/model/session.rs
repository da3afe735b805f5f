//! Sessions that we keep, and the window in which those that we do not keep are counted.

use super::scopes::Scopes;
use crate::{
    digest::Digest,
    id::{ClientId, CredentialId, EnvironmentId, OrganizationId, SubjectId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What guards call the profile of an opaque session: the vendor's whose clients get one.
pub const BITCANUCK: &str = "bitcanuck";

/// An opaque bearer of a subject, kept under the digest of its whole text ([`crate::opaque::lookup`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Where it is accepted.
    pub environment: EnvironmentId,
    /// Its look-up key.
    pub digest: Digest,
    /// Whose it is.
    pub subject: SubjectId,
    /// Whose end user that is.
    pub organization: OrganizationId,
    /// The platform that vouched for the subject, if one did.
    pub client: Option<ClientId>,
    /// The look-up key of the credential that signed the platform's word: the session ends when that is revoked.
    #[serde(default)]
    pub vouched_by: Option<Digest>,
    /// What it may do; of a platform's, what that and its credential still may.
    pub scopes: Scopes,
    /// Enough of its text to recognise it by.
    pub hint: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Refused from here on.
    pub expires_at: Timestamp,
}

/// The sessions of one subject that were issued as JWTs and are still active. One row, so that the quota is
/// exact on every engine: two commits on it cannot both stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionWindow {
    /// Where.
    pub environment: EnvironmentId,
    /// Whose.
    pub subject: SubjectId,
    /// At most [`crate::bounds::SESSIONS_PER_DAY`], oldest first.
    pub sessions: Vec<Counted>,
}

/// One session that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Its `jti`.
    pub token_id: String,
    /// The API key that asked for it; none where its subject signed in itself.
    pub credential: Option<CredentialId>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends, and counts no more.
    pub expires_at: Timestamp,
}

impl SessionWindow {
    /// An empty one.
    pub const fn new(environment: EnvironmentId, subject: SubjectId) -> Self {
        Self {
            environment,
            subject,
            sessions: Vec::new(),
        }
    }

    /// When the last of them ends.
    pub fn ends_at(&self) -> Timestamp {
        let ends = self.sessions.iter().map(|session| session.expires_at);
        ends.max().unwrap_or(Timestamp::EPOCH)
    }
}
