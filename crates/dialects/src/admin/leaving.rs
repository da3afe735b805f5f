//! Webhook subscriptions and the outbox, as an operator sees them: never a secret, never what a letter says.

use super::{rows, time};
use countersign_engine::model::webhook::{Content, Delivery, Subscription};

pub(super) fn subscription(row: &Subscription, version: u64) -> rows::Webhook {
    rows::Webhook {
        environment: row.environment.to_string(),
        id: row.id.to_string(),
        organization: row.organization.to_string(),
        name: row.name.clone(),
        target_url: row.target_url.clone(),
        event_types: row.event_types.clone(),
        disabled: row.disabled,
        previous_secret_until: row.previous_secret.as_ref().map(|(_, at)| time::write(*at)),
        created_at: time::write(row.created_at),
        updated_at: time::write(row.updated_at),
        version,
    }
}

pub(super) fn delivery(row: &Delivery, version: u64) -> rows::Delivery {
    let event = match &row.content {
        Content::Event(event) => Some(event),
        Content::Letter(_) | Content::Object(_) => None,
    };
    rows::Delivery {
        environment: row.environment.to_string(),
        id: row.id.to_string(),
        organization: row.organization.as_ref().map(ToString::to_string),
        destination: row.destination.text(),
        state: if row.due_at.is_some() {
            "waiting"
        } else {
            "dead"
        }
        .to_owned(),
        event: event.map(|event| event.id.to_string()),
        event_type: event.map(|event| event.kind.clone()),
        subject: event
            .and_then(|event| event.subject.as_ref())
            .map(|subject| subject.id.to_string()),
        attempts: row.attempts,
        due_at: row.due_at.map(time::write),
        last_error: row.last_error.clone(),
        created_at: time::write(row.created_at),
        forgotten_at: row.due_at.is_none().then(|| time::write(row.expires_at)),
        version,
    }
}
