//! The audit log: who did what to which thing, when, and how it ended.

use crate::{
    id::{EnvironmentId, OrganizationId, RequestId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One line of the audit log. Identifiers and plain words only: never a secret, never a caller's free text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When: the call's one reading of the clock.
    pub at: Timestamp,
    /// Where; the installation for operators and environments themselves.
    pub environment: EnvironmentId,
    /// Whose, where it belongs to a customer.
    pub organization: Option<OrganizationId>,
    /// Who: `operator:alice`, `client:client_…`, `-` for a stranger.
    pub actor: String,
    /// What, as `noun.verb`: `credential.rotate`, `token.issue`, `decision.deny`.
    pub action: String,
    /// To which thing: `credential:cred_…`.
    pub target: String,
    /// How it ended: `ok`, or the private reason of a refusal.
    pub outcome: String,
    /// The request.
    pub request_id: RequestId,
    /// From where.
    pub peer: Option<IpAddr>,
    /// How many times within the minute: repeats are folded. Of a commit's event 0 where an observation tells of it,
    /// see [`crate::commit::Commit::is_audited`].
    pub count: u32,
}
