//! Webhook subscriptions, events, and the deliveries that wait in the outbox.

use crate::{
    id::{ClientId, DeliveryId, EnvironmentId, EventId, OrganizationId, SubjectId, SubscriptionId},
    model::{environment::Mode, provider_object::ProviderObject},
    sealed::Sealed,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The types of events that can be subscribed to, whole (Quiltt). A subscription may also name the first words of
/// several: `profile`, `connection.synced`.
pub const EVENT_TYPES: [&str; 19] = [
    "account.created",
    "account.owners_verified",
    "account.reconnected",
    "account.verified",
    "balance.created",
    "charge.execute",
    "connection.created",
    "connection.disconnected",
    "connection.synced.errored.institution",
    "connection.synced.errored.provider",
    "connection.synced.errored.repairable",
    "connection.synced.errored.service",
    "connection.synced.successful",
    "connection.synced.successful.historical",
    "connection.synced.successful.initial",
    "profile.created",
    "profile.deleted",
    "profile.ready",
    "statement.ready",
];

/// Where an organization wants to hear of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Whose events.
    pub environment: EnvironmentId,
    /// Its identifier.
    pub id: SubscriptionId,
    /// Who listens.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// An `https` URL that leads out of the operator's network.
    pub target_url: String,
    /// Types of events, whole (`profile.created`) or the first words of several (`profile`).
    pub event_types: Vec<String>,
    /// Nothing is delivered while it is.
    pub disabled: bool,
    /// The secret that signs deliveries (`whsec_…`), sealed under [`Subscription::id`].
    pub secret: Sealed,
    /// The secret before the last rotation, and until when deliveries carry its signature too.
    pub previous_secret: Option<(Sealed, Timestamp)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Subscription {
    /// Whether it wants events of this type.
    pub fn wants(&self, kind: &str) -> bool {
        let is_wanted = |wanted: &String| {
            let rest = kind.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        !self.disabled && self.event_types.iter().any(is_wanted)
    }
}

/// Something that happened, with the facts as they were at the commit. No secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its identifier, the same in every delivery of it.
    pub id: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: `profile.created`.
    pub kind: String,
    /// Where it happened.
    pub environment: EnvironmentFacts,
    /// Whom it is about.
    pub subject: Option<SubjectFacts>,
    /// The thing itself, as its dialect prints it.
    pub record: Map<String, Value>,
}

/// An environment, as events tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentFacts {
    /// Its name.
    pub id: EnvironmentId,
    /// What people call it.
    pub display_name: String,
    /// Sandbox or production.
    pub mode: Mode,
}

/// A subject, as events tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectFacts {
    /// Its identifier.
    pub id: SubjectId,
    /// What its organization notes of it.
    pub metadata: Option<Map<String, Value>>,
}

/// Something that has to leave, written in the commit that it tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Where it comes from.
    pub environment: EnvironmentId,
    /// Its identifier: later ones sort later.
    pub id: DeliveryId,
    /// Whose it is.
    pub organization: Option<OrganizationId>,
    /// Where it goes.
    pub destination: Destination,
    /// Deliveries of one destination and one order leave one after the other: a subject's identifier.
    pub order: String,
    /// What it carries.
    pub content: Content,
    /// Attempts so far.
    pub attempts: u32,
    /// The next attempt; none: it was given up (a dead letter).
    pub due_at: Option<Timestamp>,
    /// What the last attempt came to, without any secret.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// A dead letter is forgotten then.
    pub expires_at: Timestamp,
}

/// Where a delivery goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// To a subscription's target.
    Webhook(SubscriptionId),
    /// By mail.
    Mail,
    /// To a service provider's callback address: whole objects.
    Callback(ClientId),
    /// To a service provider's notification address: their names.
    Notification(ClientId),
}

impl Destination {
    /// Its word in the audit log and for operators.
    pub fn text(&self) -> String {
        match self {
            Self::Webhook(id) => format!("webhook:{id}"),
            Self::Mail => "mail".into(),
            Self::Callback(id) => format!("callback:{id}"),
            Self::Notification(id) => format!("notification:{id}"),
        }
    }

    /// Where it is, unlike any other environment's: `sandbox/webhook:wh_…`.
    pub fn place(&self, environment: &EnvironmentId) -> String {
        format!("{environment}/{}", self.text())
    }
}

impl Delivery {
    /// Where it goes, unlike any other environment's destination: `sandbox/webhook:wh_…`. What one receiver holds
    /// up is counted by this.
    pub fn place(&self) -> String {
        self.destination.place(&self.environment)
    }
}

/// What a delivery carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// An event.
    Event(Event),
    /// An object of a service provider, as it was at the commit.
    Object(Box<ProviderObject>),
    /// A [`Letter`] as JSON, sealed under the delivery's identifier: it holds a code or a link.
    Letter(Sealed),
}

/// A mail to be sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// To whom.
    pub to: String,
    /// What it says.
    pub text: LetterText,
}

/// What a mail says. The words are the server's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterText {
    /// A code to type in.
    Passcode {
        /// Six digits.
        code: String,
        /// How long it is good, in minutes.
        minutes: u32,
        /// What people call the client at which it was asked for.
        client: String,
    },
    /// A link for a new password.
    PasswordReset {
        /// The whole link, from the environment's configured address.
        link: String,
        /// How long it is good, in minutes.
        minutes: u32,
    },
    /// A link for a password, sent unasked by an operator.
    PasswordLink {
        /// The whole link, from the environment's configured address.
        link: String,
        /// How long it is good, in minutes.
        minutes: u32,
    },
    /// The password was changed.
    PasswordChanged {
        /// When.
        at: Timestamp,
    },
}
