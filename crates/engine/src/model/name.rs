//! Unique names that lead to a row. One mechanism for everything that must be unique and is not a key.

use crate::id::EnvironmentId;
use serde::{Deserialize, Serialize};

/// What kind of name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameSpace {
    /// A host, with its port where the entry has one; leads to an environment. Lives in the installation.
    Host,
    /// An organization's number; leads to the organization. Lives in the installation.
    OrganizationNumber,
    /// A client's number; leads to the client.
    ClientNumber,
    /// A platform's code, as its partners' requests name it; leads to the client.
    PlatformCode,
    /// A subject's e-mail address, under its organization and platform; leads to the subject.
    SubjectEmail,
    /// The e-mail address of a subject that has a password, alone: whoever logs in names no organization. Leads
    /// to the subject.
    Login,
    /// A subject's phone number, under its organization and platform; leads to the subject.
    SubjectPhone,
    /// Nine digits that are shown to be typed into a device; lead to the identification.
    Nonce,
    /// The digest of a request that waits for its countersignature; leads to the approval.
    Countersigned,
}

impl NameSpace {
    /// The word that stores keep.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::OrganizationNumber => "organization_number",
            Self::ClientNumber => "client_number",
            Self::PlatformCode => "platform_code",
            Self::SubjectEmail => "subject_email",
            Self::Login => "login",
            Self::SubjectPhone => "subject_phone",
            Self::Nonce => "nonce",
            Self::Countersigned => "countersigned",
        }
    }
}

/// A name that one row of its space has, and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Where it is unique.
    pub environment: EnvironmentId,
    /// What kind of name it is.
    pub space: NameSpace,
    /// The name.
    pub name: String,
    /// The identifier of the row that has it.
    pub target: String,
}
