//! Tokens: a file per grant, steps in the RFC's order; `mint` spells what was permitted.

mod client_credentials;
mod mint;
mod session;

pub(crate) use mint::Minted;
pub(crate) use session::SessionFor;

use crate::{
    id::{ClientId, CredentialId, OrganizationId, SubjectId},
    model::scopes::Scopes,
    time::Timestamp,
};

/// Proof that a `decide_*` of a grant permitted a token. Its fields are private to this module, so
/// nothing else can have one minted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permitted {
    client: ClientId,
    organization: OrganizationId,
    organization_number: u64,
    client_number: u64,
    maker_number: u64,
    scopes: Scopes,
    scopes_differ: bool,
    /// Empty: the issuer.
    audience: Vec<String>,
    not_before: Timestamp,
    /// The credential that asked.
    credential: Option<CredentialId>,
    /// The end user it speaks for; none: the client itself.
    subject: Option<SubjectId>,
}
