//! Rows and the keys by which they are loaded: every noun that a store keeps, once.

use crate::{
    bounds::LAPSED_CREDENTIAL_FOR,
    digest::Digest,
    id::{ClientId, CredentialId, EnvironmentId, OperatorId, OrganizationId},
    model::{
        audit::AuditEvent,
        client::Client,
        credential::Credential,
        environment::Environment,
        guard::GuardList,
        idempotency::Idempotency,
        name::{Name, NameSpace},
        operator::Operator,
        organization::Organization,
        revocation::Revocation,
        signing::KeySet,
    },
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a row is loaded by. Everything but the installation's own nouns names its environment first,
/// so a look-up across environments cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// An environment.
    Environment(EnvironmentId),
    /// An organization.
    Organization(OrganizationId),
    /// An operator.
    Operator(OperatorId),
    /// A unique name.
    Name(EnvironmentId, NameSpace, String),
    /// A client.
    Client(EnvironmentId, ClientId),
    /// A credential, by its look-up digest.
    Credential(EnvironmentId, Digest),
    /// An environment's guards.
    Guards(EnvironmentId),
    /// A set of signing keys.
    KeySet(EnvironmentId, String),
    /// A revoked token.
    Revocation(EnvironmentId, Digest),
    /// Something used up. Cannot be loaded as a row; presence shows as a conflict of `Spend`.
    Spent(EnvironmentId, Digest),
    /// A remembered creation.
    Idempotency(EnvironmentId, Digest),
    /// When a credential was last used.
    LastUsed(EnvironmentId, CredentialId),
}

/// A row's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// An environment.
    Environment(Environment),
    /// An organization.
    Organization(Organization),
    /// An operator.
    Operator(Operator),
    /// A unique name.
    Name(Name),
    /// A client.
    Client(Client),
    /// A credential.
    Credential(Credential),
    /// An environment's guards.
    Guards(GuardList),
    /// A set of signing keys.
    KeySet(KeySet),
    /// A revoked token.
    Revocation(Revocation),
    /// A remembered creation.
    Idempotency(Idempotency),
    /// When a credential was last used: written by housekeeping only.
    LastUsed(EnvironmentId, CredentialId, Timestamp),
    /// A line of the audit log: written with a commit or as an observation, only ever listed.
    Audit(AuditEvent),
}

impl Row {
    /// The key that loads this row. An audit line has none of its own and names its environment.
    pub fn key(&self) -> Key {
        match self {
            Self::Environment(row) => Key::Environment(row.id.clone()),
            Self::Organization(row) => Key::Organization(row.id.clone()),
            Self::Operator(row) => Key::Operator(row.id.clone()),
            Self::Name(row) => Key::Name(row.environment.clone(), row.space, row.name.clone()),
            Self::Client(row) => Key::Client(row.environment.clone(), row.id.clone()),
            Self::Credential(row) => Key::Credential(row.environment.clone(), row.digest),
            Self::Guards(row) => Key::Guards(row.environment.clone()),
            Self::KeySet(row) => Key::KeySet(row.environment.clone(), row.name.clone()),
            Self::Revocation(row) => Key::Revocation(row.environment.clone(), row.digest),
            Self::Idempotency(row) => Key::Idempotency(row.environment.clone(), row.digest),
            Self::LastUsed(environment, credential, _) => {
                Key::LastUsed(environment.clone(), credential.clone())
            }
            Self::Audit(event) => Key::Environment(event.environment.clone()),
        }
    }

    /// When the row may be swept, for the nouns that end by themselves. A lapsed credential stays for a
    /// while, because operators look at what has lapsed; one without an end never goes by itself.
    pub fn sweep_at(&self) -> Option<Timestamp> {
        match self {
            Self::Revocation(row) => Some(row.expires_at),
            Self::Idempotency(row) => Some(row.expires_at),
            Self::Credential(row) => {
                let lapsed_at = row.revoked_at.into_iter().chain(row.expires_at).min();
                Some(lapsed_at.map_or(Timestamp::FAR, |at| at.plus(LAPSED_CREDENTIAL_FOR)))
            }
            _ => None,
        }
    }
}

/// A row as a store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its version: 1 when new, one more with every change.
    pub version: u64,
    /// Tokens issued before are refused ([`crate::commit::Change::Raise`]); the epoch where never raised,
    /// and for every noun that has no tokens.
    pub not_before: Timestamp,
    /// Its content.
    pub row: Row,
}

macro_rules! nouns {
    ($($(#[$doc:meta])* $name:ident: $variant:ident($noun:ty);)*) => {
        impl Stored {
            $($(#[$doc])*
            pub fn $name(&self) -> Option<&$noun> {
                match &self.row {
                    Row::$variant(noun) => Some(noun),
                    _ => None,
                }
            })*
        }
    };
}

nouns! {
    /// The environment in this row.
    environment: Environment(Environment);
    /// The organization in this row.
    organization: Organization(Organization);
    /// The operator in this row.
    operator: Operator(Operator);
    /// The unique name in this row.
    name: Name(Name);
    /// The client in this row.
    client: Client(Client);
    /// The credential in this row.
    credential: Credential(Credential);
    /// The guards in this row.
    guards: Guards(GuardList);
    /// The key set in this row.
    key_set: KeySet(KeySet);
    /// The remembered creation in this row.
    idempotency: Idempotency(Idempotency);
    /// The audit line in this row.
    audit: Audit(AuditEvent);
}
