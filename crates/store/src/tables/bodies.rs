//! Nouns as JSON, and back.

use super::Noun;
use countersign_engine::{denied::Fault, row::Row};

/// The noun as JSON.
pub(crate) fn encode_body(row: &Row) -> Result<String, Fault> {
    match row {
        Row::Environment(noun) => serde_json::to_string(noun),
        Row::Organization(noun) => serde_json::to_string(noun),
        Row::Operator(noun) => serde_json::to_string(noun),
        Row::Name(noun) => serde_json::to_string(noun),
        Row::Client(noun) => serde_json::to_string(noun),
        Row::Credential(noun) => serde_json::to_string(noun),
        Row::Guards(noun) => serde_json::to_string(noun),
        Row::KeySet(noun) => serde_json::to_string(noun),
        Row::Revocation(noun) => serde_json::to_string(noun),
        Row::Idempotency(noun) => serde_json::to_string(noun),
        Row::Subject(noun) => serde_json::to_string(noun),
        Row::Session(noun) => serde_json::to_string(noun),
        Row::SessionWindow(noun) => serde_json::to_string(noun),
        Row::Ticket(noun) => serde_json::to_string(noun),
        Row::Attempts(noun) => serde_json::to_string(noun),
        Row::Subscription(noun) => serde_json::to_string(noun),
        Row::Delivery(noun) => serde_json::to_string(noun),
        Row::Device(noun) => serde_json::to_string(noun),
        Row::Asset(noun) => serde_json::to_string(noun),
        Row::Identification(noun) => serde_json::to_string(noun),
        Row::Approval(noun) => serde_json::to_string(noun),
        Row::Approvers(noun) => serde_json::to_string(noun),
        Row::Audit(noun) => serde_json::to_string(noun),
        Row::LastUsed(..) => return Err(Fault::internal("a last use has no body")),
    }
    .map_err(|error| Fault::internal(format_args!("a row cannot be written as JSON: {error}")))
}

/// The noun of a table, from its JSON.
pub(crate) fn decode_body(noun: Noun, body: &str) -> Result<Row, Fault> {
    match noun {
        Noun::Environment => serde_json::from_str(body).map(Row::Environment),
        Noun::Organization => serde_json::from_str(body).map(Row::Organization),
        Noun::Operator => serde_json::from_str(body).map(Row::Operator),
        Noun::Name => serde_json::from_str(body).map(Row::Name),
        Noun::Client => serde_json::from_str(body).map(Row::Client),
        Noun::Credential => serde_json::from_str(body).map(Row::Credential),
        Noun::Guards => serde_json::from_str(body).map(Row::Guards),
        Noun::KeySet => serde_json::from_str(body).map(Row::KeySet),
        Noun::Revocation => serde_json::from_str(body).map(Row::Revocation),
        Noun::Idempotency => serde_json::from_str(body).map(Row::Idempotency),
        Noun::Subject => serde_json::from_str(body).map(Row::Subject),
        Noun::Session => serde_json::from_str(body).map(Row::Session),
        Noun::SessionWindow => serde_json::from_str(body).map(Row::SessionWindow),
        Noun::Ticket => serde_json::from_str(body).map(Row::Ticket),
        Noun::Attempts => serde_json::from_str(body).map(Row::Attempts),
        Noun::Subscription => serde_json::from_str(body).map(Row::Subscription),
        Noun::Delivery => serde_json::from_str(body).map(Row::Delivery),
        Noun::Device => serde_json::from_str(body).map(Row::Device),
        Noun::Asset => serde_json::from_str(body).map(Row::Asset),
        Noun::Identification => serde_json::from_str(body).map(Row::Identification),
        Noun::Approval => serde_json::from_str(body).map(Row::Approval),
        Noun::Approvers => serde_json::from_str(body).map(Row::Approvers),
    }
    .map_err(|error| {
        // serde_json names the place and what was expected; the content itself stays out of the log.
        Fault::internal(format_args!(
            "a stored {} cannot be read: {error}",
            noun.table().name
        ))
    })
}
