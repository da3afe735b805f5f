//! What answers about webhooks and the outbox carry.

use super::rows::rows;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

rows! {
    /// A webhook subscription, without its secret.
    Webhook {
        /// Where it hears.
        environment: String,
        /// Its name.
        id: String,
        /// Whose events it hears.
        organization: String,
        /// What people call it.
        name: String,
        /// Where events are sent.
        target_url: String,
        /// Types of events, whole or the first words of several.
        event_types: Vec<String>,
        /// Whether nothing is delivered.
        disabled: bool,
        /// Deliveries are signed with the secret before this one too, until then.
        #[schemars(extend("format" = "date-time"))]
        previous_secret_until: Option<String>,
        /// When it was made.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// When it last changed.
        #[schemars(extend("format" = "date-time"))]
        updated_at: String,
        /// Counts its changes; its `ETag`.
        version: u64,
    }

    /// Something that waits to leave, or was given up.
    Delivery {
        /// Where it comes from.
        environment: String,
        /// Its name: later ones sort later.
        id: String,
        /// Whose it is, where it belongs to a customer.
        organization: Option<String>,
        /// `webhook:` and the subscription, or `mail`.
        destination: String,
        /// `waiting` or `dead`.
        state: String,
        /// The event that it tells of; none for a mail.
        event: Option<String>,
        /// What happened.
        event_type: Option<String>,
        /// Whom it is about.
        subject: Option<String>,
        /// Attempts so far.
        attempts: u32,
        /// The next attempt; none: it was given up.
        #[schemars(extend("format" = "date-time"))]
        due_at: Option<String>,
        /// What the last attempt came to.
        last_error: Option<String>,
        /// When it was written.
        #[schemars(extend("format" = "date-time"))]
        created_at: String,
        /// When a dead letter is forgotten.
        #[schemars(extend("format" = "date-time"))]
        forgotten_at: Option<String>,
        /// Counts its changes.
        version: u64,
    }
}
