//! Environments: sandbox or production, each with its own hosts, keys, faces and data.

use super::profile::TokenProfile;
use crate::{
    engine::without_port,
    id::{EnvironmentId, OrganizationId},
    sealed::Sealed,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Which of the two kinds of environment this is; its credentials say so (`live`, `test`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// For trying things out. Its credentials carry `test`.
    Sandbox,
    /// The real thing. Its credentials carry `live`.
    Production,
}

impl Mode {
    /// The word that credentials carry.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sandbox => "test",
            Self::Production => "live",
        }
    }
}

/// One environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name, in every key.
    pub id: EnvironmentId,
    /// What people call it.
    pub display_name: String,
    /// Sandbox or production.
    pub mode: Mode,
    /// The issuer identifier of the standard tokens and the metadata (RFC 8414 section 2): an
    /// `http` or `https` URL without query or fragment, byte for byte what tokens print.
    pub issuer: String,
    /// Host names that lead here, lower case, with a port where the entry means only that port.
    pub hosts: Vec<String>,
    /// The dialects whose paths are served, by name.
    pub dialects: Vec<String>,
    /// What credentials begin with, two to eight lower-case letters or digits; `cs` unless said.
    pub brand: String,
    /// How its tokens are spelled; the first is what a standard request gets.
    pub profiles: Vec<TokenProfile>,
    /// Origins whose browsers may read answers of routes that are meant for browsers.
    pub allowed_origins: Vec<String>,
    /// Where its pages are, for links in mails: an `https` URL, or `http` on loopback. None: no such mail leaves.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Where its phones answer, on a host of its own: an `https` URL without path, or `http` on loopback. None: no
    /// device enrols here.
    #[serde(default)]
    pub phone_url: Option<String>,
    /// The organization whose clients become service providers that register themselves (Ubiqu). None: none does.
    #[serde(default)]
    pub provider_registrations: Option<OrganizationId>,
    /// The key under which its private keys and signing secrets are sealed, itself sealed under the master key.
    pub data_key: Sealed,
    /// The keys of the tag in our opaque credentials: the first makes, all verify. Empty: the
    /// filter is off, and every credential of our form goes to the store.
    pub tag_keys: Vec<Sealed>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Environment {
    /// The token profile called `name`.
    pub fn profile(&self, name: &str) -> Option<&TokenProfile> {
        self.profiles.iter().find(|profile| profile.name == name)
    }

    /// The entry of `hosts` where its phones answer.
    pub fn phone_host(&self) -> Option<&str> {
        let url = self.phone_url.as_deref()?;
        url.split_once("://").map(|(_, host)| host)
    }

    /// Whether a request to `host` (lower case, with or without port) was led here by the phones' entry.
    pub fn is_phone_host(&self, host: &str) -> bool {
        let is_listed = self.hosts.iter().any(|entry| entry == host);
        let entry = if is_listed { host } else { without_port(host) };
        self.phone_host() == Some(entry)
    }
}
