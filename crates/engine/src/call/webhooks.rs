//! What can be asked about webhooks: by an organization's server about its own, by operators about all.

use super::IdempotencyKey;
use crate::{
    commit::Version,
    id::{DeliveryId, EnvironmentId, OrganizationId, SubscriptionId},
    ports::Cursor,
};
use std::time::Duration;

/// What the holder of an API key can ask about its organization's webhook subscriptions, in the environment at
/// which it asks.
#[derive(Debug, Clone)]
pub enum SubscriptionCall {
    /// All of them, in one page.
    List,
    /// One of them.
    Show(SubscriptionId),
    /// Another one. The answer tells the secret.
    Create(NewSubscription),
    /// One of them, changed.
    Amend(SubscriptionId, SubscriptionChange),
    /// One of them goes, with what still waits for it.
    Remove(SubscriptionId),
}

/// What an operator can ask about webhooks and the outbox of an environment.
#[derive(Debug, Clone)]
pub enum WebhookCall {
    /// A page of the subscriptions of an organization.
    List {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        organization: OrganizationId,
        /// From after here.
        after: Option<Cursor>,
        /// At most so many.
        limit: u32,
    },
    /// A subscription.
    Show(EnvironmentId, SubscriptionId),
    /// A new subscription. The answer tells the secret.
    Create {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        organization: OrganizationId,
        /// What.
        new: NewSubscription,
        /// For doing it once only.
        idempotency: Option<IdempotencyKey>,
    },
    /// A subscription changes.
    Amend {
        /// Where.
        environment: EnvironmentId,
        /// Which.
        subscription: SubscriptionId,
        /// How.
        change: SubscriptionChange,
        /// The version that the caller read.
        if_version: Option<Version>,
    },
    /// A subscription goes, with what still waits for it.
    Remove {
        /// Where.
        environment: EnvironmentId,
        /// Which.
        subscription: SubscriptionId,
        /// The version that the caller read.
        if_version: Option<Version>,
    },
    /// A subscription gets a new secret; deliveries are signed with the old one too until the overlap is over.
    Rotate {
        /// Where.
        environment: EnvironmentId,
        /// Which.
        subscription: SubscriptionId,
        /// How long both are used.
        overlap: Duration,
        /// For doing it once only.
        idempotency: Option<IdempotencyKey>,
    },
    /// A page of what waits in the outbox, or was given up; oldest first.
    Deliveries {
        /// Where.
        environment: EnvironmentId,
        /// What was given up (dead letters).
        dead: bool,
        /// From after here.
        after: Option<Cursor>,
        /// At most so many.
        limit: u32,
    },
    /// A delivery.
    ShowDelivery(EnvironmentId, DeliveryId),
    /// A delivery is tried again at once, and a dead letter as often as a new one.
    Replay(EnvironmentId, DeliveryId),
    /// A delivery goes for good.
    Discard(EnvironmentId, DeliveryId),
}

/// A webhook subscription to make.
#[derive(Debug, Clone)]
pub struct NewSubscription {
    /// What people call it.
    pub name: String,
    /// An `https` URL.
    pub target_url: String,
    /// Types of events, whole or the first words of several.
    pub event_types: Vec<String>,
    /// Nothing is delivered while it is.
    pub disabled: bool,
}

/// A change to a webhook subscription: members that are `None` stay as they are.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionChange {
    /// What people call it.
    pub name: Option<String>,
    /// Where deliveries go.
    pub target_url: Option<String>,
    /// All of them.
    pub event_types: Option<Vec<String>>,
    /// Nothing is delivered while it is.
    pub disabled: Option<bool>,
}
