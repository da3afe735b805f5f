//! Clients: registered applications.

use super::{State, scopes::Scopes};
use crate::{
    id::{AssetId, ClientId, EnvironmentId, OrganizationId},
    sealed::Sealed,
    time::Timestamp,
};
use countersign_jose::Algorithm;
use serde::{Deserialize, Serialize};

/// What kind of application a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// Runs in browsers or on phones: cannot keep a secret (RFC 6749 section 2.1, public).
    Frontend,
    /// Runs on the integrator's servers: keeps a secret (confidential).
    Backend,
    /// Asks people for approval on their phones.
    ServiceProvider,
    /// A partner that vouches for its own users with signed assertions.
    Platform,
}

impl ClientKind {
    /// Whether it can keep a secret, and so may use the client credentials grant (RFC 6749 section 4.4).
    pub const fn is_confidential(self) -> bool {
        !matches!(self, Self::Frontend)
    }
}

/// How a client's identifier and secrets are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// Ours: `client_` and 22 characters; secrets in our opaque form.
    #[default]
    Countersign,
    /// Ayyeka's: 32 upper-case hexadecimal digits; secrets are base64 of 32 bytes.
    Ayyeka,
    /// Quiltt's: identifiers of its own (`api_1…`), API keys are `qltt_` and 73 lower-case hexadecimal digits.
    Quiltt,
    /// BitCanuck's: identifiers are UUIDs.
    Bitcanuck,
    /// Ubiqu's: identifiers and API keys are 32 lower-case hexadecimal digits.
    Ubiqu,
}

/// How a platform vouches for its users (BitCanuck).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// What its partners put into the path: unique in the environment.
    pub code: String,
    /// The one algorithm of its tokens; the header of a token never chooses.
    pub algorithm: Algorithm,
    /// Whether a token without `jti` is good once only, too.
    pub single_use: bool,
    /// Whether a user it vouches for is made when unknown.
    pub enrols: bool,
    /// The longest life of its tokens, in seconds; at most an hour.
    pub token_lifetime_max_s: u32,
}

/// How people sign in at a client by themselves, with a passcode by e-mail (Quiltt's identify and authenticate).
/// It tells callers whether an address is known, by design of that API: off unless an operator turns it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// Whether an unknown address becomes a new subject.
    pub sign_ups: bool,
}

/// What a service provider told us of itself, and where it wants to hear of its people's answers (Ubiqu).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceProvider {
    /// Where each change of state of its objects is told, with the whole object; none: it polls.
    pub callback_url: Option<String>,
    /// Where each change is told by its name only.
    pub notification_url: Option<String>,
    /// Its own page, for people.
    pub url: Option<String>,
    /// The secret that signs callbacks, sealed under the client's identifier.
    pub callback_secret: Option<Sealed>,
    /// Registered by itself, and not yet confirmed by a nonce: what it asks is refused.
    pub unconfirmed: bool,
    /// The asset whose device confirmed it.
    pub admin_asset: Option<AssetId>,
}

/// A registered application of an organization in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Where it lives.
    pub environment: EnvironmentId,
    /// Its identifier (RFC 6749 section 2.2).
    pub id: ClientId,
    /// Who owns it.
    pub organization: OrganizationId,
    /// What people call it.
    pub display_name: String,
    /// What kind of application it is.
    pub kind: ClientKind,
    /// How its identifier and secrets are spelled.
    pub spelling: Spelling,
    /// Disabled: its credentials and tokens are refused, and kept.
    pub state: State,
    /// What its credentials may be given at most.
    pub scopes: Scopes,
    /// The resources its tokens may be meant for (RFC 8707), exact URIs. Empty: only the issuer itself.
    pub resources: Vec<String>,
    /// The resources that it serves itself, exact URIs: it may introspect tokens that are meant for them
    /// (RFC 7662 section 4), whoever they were issued to.
    #[serde(default)]
    pub serves: Vec<String>,
    /// How it vouches for its users; of platforms only.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// How people sign in at it by themselves; none: not at all.
    #[serde(default)]
    pub sign_in: Option<SignIn>,
    /// What it does as a service provider; of service providers only.
    #[serde(default)]
    pub provider: Option<ServiceProvider>,
    /// Its number, unique in the environment, for dialects that print numbers.
    pub number: u64,
    /// The number of whoever made it, for the same dialects.
    pub maker_number: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Client {
    /// Whether it registered itself and waits to be confirmed: then it may look at itself, and nothing else.
    pub fn is_unconfirmed(&self) -> bool {
        let settings = self.provider.as_ref();
        settings.is_some_and(|settings| settings.unconfirmed)
    }
}
