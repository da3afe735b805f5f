//! Rows and the keys by which they are loaded: every noun that a store keeps, once.

use crate::{
    bounds::{ERASED_SUBJECT_FOR, LAPSED_CREDENTIAL_FOR},
    digest::Digest,
    id::{
        ApprovalId, AssetId, ClientId, CredentialId, DeliveryId, DeviceId, EnvironmentId,
        IdentificationId, OperatorId, OrganizationId, SubjectId, SubscriptionId,
    },
    model::{
        approval::Approval,
        approver::ApproverList,
        asset::Asset,
        audit::AuditEvent,
        client::Client,
        credential::Credential,
        device::Device,
        environment::Environment,
        guard::GuardList,
        idempotency::Idempotency,
        identification::Identification,
        name::{Name, NameSpace},
        operator::Operator,
        organization::Organization,
        revocation::Revocation,
        session::{Session, SessionWindow},
        signing::KeySet,
        subject::Subject,
        ticket::{Attempts, Ticket},
        webhook::{Delivery, Subscription},
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
    /// An end user.
    Subject(EnvironmentId, SubjectId),
    /// A session that we keep, by its look-up digest.
    Session(EnvironmentId, Digest),
    /// The counted sessions of a subject.
    SessionWindow(EnvironmentId, SubjectId),
    /// A passcode or a reset link.
    Ticket(EnvironmentId, Digest),
    /// Wrong guesses at an account.
    Attempts(EnvironmentId, Digest),
    /// A webhook subscription.
    Subscription(EnvironmentId, SubscriptionId),
    /// Something in the outbox.
    Delivery(EnvironmentId, DeliveryId),
    /// A person's phone.
    Device(EnvironmentId, DeviceId),
    /// The key pairs of a device at one service provider.
    Asset(EnvironmentId, AssetId),
    /// A nonce that was shown.
    Identification(EnvironmentId, IdentificationId),
    /// A request to devices.
    Approval(EnvironmentId, ApprovalId),
    /// The approvers of an organization.
    Approvers(EnvironmentId, OrganizationId),
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
    /// An end user.
    Subject(Subject),
    /// A session that we keep.
    Session(Session),
    /// The counted sessions of a subject.
    SessionWindow(SessionWindow),
    /// A passcode or a reset link.
    Ticket(Ticket),
    /// Wrong guesses at an account.
    Attempts(Attempts),
    /// A webhook subscription.
    Subscription(Subscription),
    /// Something in the outbox.
    Delivery(Box<Delivery>),
    /// A person's phone.
    Device(Box<Device>),
    /// The key pairs of a device at one service provider.
    Asset(Box<Asset>),
    /// A nonce that was shown.
    Identification(Identification),
    /// A request to devices.
    Approval(Box<Approval>),
    /// The approvers of an organization.
    Approvers(ApproverList),
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
            Self::Subject(row) => Key::Subject(row.environment.clone(), row.id.clone()),
            Self::Session(row) => Key::Session(row.environment.clone(), row.digest),
            Self::SessionWindow(row) => {
                Key::SessionWindow(row.environment.clone(), row.subject.clone())
            }
            Self::Ticket(row) => Key::Ticket(row.environment.clone(), row.digest),
            Self::Attempts(row) => Key::Attempts(row.environment.clone(), row.digest),
            Self::Subscription(row) => Key::Subscription(row.environment.clone(), row.id.clone()),
            Self::Delivery(row) => Key::Delivery(row.environment.clone(), row.id.clone()),
            Self::Device(row) => Key::Device(row.environment.clone(), row.id.clone()),
            Self::Asset(row) => Key::Asset(row.environment.clone(), row.id.clone()),
            Self::Identification(row) => {
                Key::Identification(row.environment.clone(), row.id.clone())
            }
            Self::Approval(row) => Key::Approval(row.environment.clone(), row.id.clone()),
            Self::Approvers(row) => {
                Key::Approvers(row.environment.clone(), row.organization.clone())
            }
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
            Self::Device(row) => Some(row.sweep_at()),
            Self::Asset(row) => Some(row.sweep_at()),
            Self::Identification(row) => Some(row.sweep_at()),
            Self::Approval(row) => Some(row.sweep_at()),
            Self::Revocation(row) => Some(row.expires_at),
            Self::Idempotency(row) => Some(row.expires_at),
            // What was known of the person went when it began to close; what is left refuses what hangs on it.
            Self::Subject(row) => Some(
                row.closing_at
                    .map_or(Timestamp::FAR, |at| at.plus(ERASED_SUBJECT_FOR)),
            ),
            Self::Session(row) => Some(row.expires_at),
            Self::SessionWindow(row) => Some(row.ends_at()),
            Self::Ticket(row) => Some(row.expires_at),
            Self::Attempts(row) => Some(row.expires_at),
            // What still has to leave never goes by itself.
            Self::Delivery(row) => Some(match row.due_at {
                Some(_) => Timestamp::FAR,
                None => row.expires_at,
            }),
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
    /// The end user in this row.
    subject: Subject(Subject);
    /// The session in this row.
    session: Session(Session);
    /// The counted sessions in this row.
    session_window: SessionWindow(SessionWindow);
    /// The passcode or reset link in this row.
    ticket: Ticket(Ticket);
    /// The wrong guesses in this row.
    attempts: Attempts(Attempts);
    /// The webhook subscription in this row.
    subscription: Subscription(Subscription);
    /// The delivery in this row.
    delivery: Delivery(Delivery);
    /// The device in this row.
    device: Device(Device);
    /// The asset in this row.
    asset: Asset(Asset);
    /// The identification in this row.
    identification: Identification(Identification);
    /// The approval in this row.
    approval: Approval(Approval);
    /// The approvers in this row.
    approvers: Approvers(ApproverList);
    /// The audit line in this row.
    audit: Audit(AuditEvent);
}
