//! Tickets: short-lived things that a person may use once, such as a passcode or a reset link; and the count of
//! wrong guesses at an account.

use crate::{
    digest::Digest,
    id::{ClientId, EnvironmentId, OrganizationId, SubjectId},
    sealed::Sealed,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a ticket is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A session, for whoever types in the code that was sent.
    Passcode,
    /// A new password, for whoever follows the link that was sent.
    PasswordReset,
}

/// What is kept of a code that is too short for a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCode {
    /// The key of the HMAC, random for each code and sealed under the environment's data key.
    pub pepper: Sealed,
    /// HMAC-SHA256 of the ticket's digest and the code.
    pub mac: Digest,
}

/// Something that a person may use once. Asking again replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Where it is good.
    pub environment: EnvironmentId,
    /// Its look-up key: of client and contact for a passcode, of the link's secret for a reset.
    pub digest: Digest,
    /// What it is good for.
    pub purpose: Purpose,
    /// For whom.
    pub subject: SubjectId,
    /// Whose end user that is.
    pub organization: OrganizationId,
    /// The client at which it was asked for.
    pub client: Option<ClientId>,
    /// What is kept of a passcode; none where the look-up key is itself made from a secret.
    pub code: Option<KeptCode>,
    /// Of the address that a link went to: it is good only while that is still the account's.
    #[serde(default)]
    pub sent_to: Option<Digest>,
    /// Another ticket to which this one only leads: the passcode that was last asked for at an address.
    #[serde(default)]
    pub leads_to: Option<Digest>,
    /// Guesses that are left; of a passcode, to the network that asked for it.
    pub tries_left: u8,
    /// Guesses at a passcode from other networks, so far.
    #[serde(default)]
    pub tries_elsewhere: u8,
    /// When it was made.
    pub created_at: Timestamp,
    /// Refused from here on.
    pub expires_at: Timestamp,
}

/// Wrong guesses at one account, or at one account from one network: there is such a row for accounts that do
/// not exist, too, so that none can be told from the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// Where.
    pub environment: EnvironmentId,
    /// Of what: a digest of the account's name, with or without the network.
    pub digest: Digest,
    /// Guesses since the last right one. A guess is counted before it is compared.
    pub failures: u32,
    /// The next guess is looked at from here on.
    pub next_at: Timestamp,
    /// The account was opened from this network: until then it does not wait for what strangers guess elsewhere.
    #[serde(default)]
    pub trusted_until: Option<Timestamp>,
    /// When this is forgotten.
    pub expires_at: Timestamp,
}
