//! Credentials: anything long-lived that a client can show. All kinds share one lifecycle.

use super::scopes::Scopes;
use crate::{
    digest::Digest,
    id::{ClientId, CredentialId, EnvironmentId, OperatorId, OrganizationId},
    sealed::Sealed,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::net::IpAddr;

/// What kind of credential this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// Shown with the client's id at the token endpoint (RFC 6749 section 2.3.1).
    ClientSecret,
    /// A bearer secret of a server.
    ApiKey,
    /// Publishable: a browser shows it together with `X-Client-ID`.
    RegistrationToken,
    /// The client signs; we keep the public half (RFC 7523).
    PublicKey,
    /// The client signs with a secret that we keep sealed (RFC 7523, HMAC).
    SigningSecret,
    /// An operator's bearer secret for the admin API.
    OperatorToken,
}

impl CredentialKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::ClientSecret,
        Self::ApiKey,
        Self::RegistrationToken,
        Self::PublicKey,
        Self::SigningSecret,
        Self::OperatorToken,
    ];

    /// The word for people and machines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret",
            Self::ApiKey => "api_key",
            Self::RegistrationToken => "registration_token",
            Self::PublicKey => "public_key",
            Self::SigningSecret => "signing_secret",
            Self::OperatorToken => "operator_token",
        }
    }

    /// The kind called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The word in our opaque form, for the kinds that have one.
    pub const fn opaque_word(self) -> Option<&'static str> {
        match self {
            Self::ClientSecret => Some("sec"),
            Self::ApiKey => Some("key"),
            Self::RegistrationToken => Some("pub"),
            Self::OperatorToken => Some("opr"),
            Self::PublicKey | Self::SigningSecret => None,
        }
    }

    /// Whether a browser that shows it has leaked it.
    pub const fn is_secret(self) -> bool {
        !matches!(self, Self::RegistrationToken | Self::PublicKey)
    }
}

/// Whose credential it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A client's, with the organization that owns the client.
    Client(OrganizationId, ClientId),
    /// An operator's.
    Operator(OperatorId),
}

/// What we keep of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Material {
    /// Nothing but the digest that is its key.
    DigestOnly,
    /// The public half, and the one algorithm it may be used with.
    PublicKey(Algorithm, Jwk),
    /// A shared secret, sealed, and the one algorithm it may be used with.
    Shared(Algorithm, Sealed),
}

/// How often something may be used: a rate, and how much may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Uses per minute in the long run, at least 1.
    pub per_minute: u32,
    /// Uses that may come at once, at least 1.
    pub burst: u32,
}

/// One credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Where it is accepted.
    pub environment: EnvironmentId,
    /// Its look-up key: see [`crate::opaque::lookup`]. Made from the whole secret, or from the key's thumbprint.
    pub digest: Digest,
    /// Its public name.
    pub id: CredentialId,
    /// What kind it is.
    pub kind: CredentialKind,
    /// Whose it is.
    pub holder: Holder,
    /// What we keep of it.
    pub material: Material,
    /// Enough of its text to recognise it by, never enough to use: `cs_key_test_Ab3d`.
    pub hint: String,
    /// What it is for, in its owner's words.
    pub comment: String,
    /// What it may do; at most its client's scopes.
    pub scopes: Scopes,
    /// Refused before.
    pub not_before: Option<Timestamp>,
    /// Refused from here on.
    pub expires_at: Option<Timestamp>,
    /// Refused since, for good.
    pub revoked_at: Option<Timestamp>,
    /// Accepted only from these networks; empty: from anywhere.
    pub allowed_networks: Vec<IpNet>,
    /// Browser origins from which it is accepted, exact; for registration tokens only. Empty: the guard's.
    #[serde(default)]
    pub origins: Vec<String>,
    /// What its owner notes of it: up to fifty members.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// The version of the API that its caller expects unless a request says otherwise (Quiltt): `YYYY-MM-DD`.
    #[serde(default)]
    pub api_version: Option<String>,
    /// How often it may be used; a registration token: by each network.
    pub rate_limit: Option<RateLimit>,
    /// The credential that this one takes over from, after a rotation.
    pub replaces: Option<CredentialId>,
    /// The credential that takes over from this one, after a rotation.
    pub replaced_by: Option<CredentialId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a credential that exists is not accepted now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lapsed {
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl Credential {
    /// Whether it is accepted at `now`. The one reading of the lifecycle, for every kind.
    ///
    /// # Errors
    /// [`Lapsed`]; at `now == expires_at` it has expired.
    pub fn lives(&self, now: Timestamp) -> Result<(), Lapsed> {
        if self.revoked_at.is_some() {
            return Err(Lapsed::Revoked);
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(Lapsed::Expired);
        }
        if self.not_before.is_some_and(|start| now < start) {
            return Err(Lapsed::NotYet);
        }
        Ok(())
    }

    /// Whether a caller at `peer` may use it.
    pub fn allows_network(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.allowed_networks.is_empty()
            || self.allowed_networks.iter().any(|net| net.contains(&peer))
    }

    /// The client whose it is.
    pub fn client(&self) -> Option<&ClientId> {
        match &self.holder {
            Holder::Client(_, client) => Some(client),
            Holder::Operator(_) => None,
        }
    }
}
