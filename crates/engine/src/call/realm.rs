//! What a realm is asked: the OpenID endpoints of a Keycloak, which name their realm in the path.

use crate::{model::scopes::Scopes, secret::Secret};

/// A call to the realm of an environment.
#[derive(Debug)]
pub struct RealmCall {
    /// The token profile whose issuer is the realm.
    pub profile: &'static str,
    /// The realm as the path names it. Another than the environment's is not found.
    pub realm: String,
    /// What is asked.
    pub ask: RealmAsk,
}

/// What a realm is asked.
#[derive(Debug)]
pub enum RealmAsk {
    /// A token for the authenticated client (RFC 6749 section 4.4).
    Token {
        /// The scopes asked for; none: all that the credential has.
        scopes: Option<Scopes>,
    },
    /// What a token is (RFC 7662).
    Introspect {
        /// The token, whatever it is.
        token: Secret<String>,
    },
    /// End a token (RFC 7009).
    Revoke {
        /// The token, whatever it is.
        token: Secret<String>,
    },
    /// Who the shown access token speaks for (OpenID Connect Core 1.0 section 5.3).
    UserInfo,
    /// The realm's public keys (RFC 7517 section 5).
    Keys,
    /// What the realm offers (OpenID Connect Discovery 1.0 section 4).
    Discovery,
}

impl RealmAsk {
    /// The word for logs and audit: the same as where no realm is named.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token.issue",
            Self::Introspect { .. } => "token.introspect",
            Self::Revoke { .. } => "token.revoke",
            Self::UserInfo => "userinfo.show",
            Self::Keys => "keys.show",
            Self::Discovery => "metadata.show",
        }
    }
}
