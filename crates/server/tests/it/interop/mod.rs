//! Clients that nobody here wrote, before the real server: they get tokens, use them at a guarded API, check
//! them, end them, and are refused afterwards.

mod door;
mod javascript;
mod oauth2_crate;
mod platforms;
pub mod program;
mod python;
mod stage;
mod ubiqu;

use serde_json::Value;

/// What every client's summary says of one token's life at the standard endpoints, and how the token was had.
fn lived_and_ended(what: &str, summary: &Value, client: &Value) {
    let at = |name: &str| summary[name].clone();
    assert_eq!(at("passed"), 200, "{what}: {summary}");
    assert_eq!(summary["identity"]["client"], *client, "{what}: {summary}");
    assert_eq!(summary["identity"]["scopes"], "read", "{what}: {summary}");
    assert_eq!(summary["introspected"]["active"], true, "{what}: {summary}");
    assert_eq!(
        summary["introspected"]["client_id"], *client,
        "{what}: {summary}"
    );
    assert_eq!(
        summary["introspected"]["scope"], "read",
        "{what}: {summary}"
    );
    assert_eq!(at("refused"), 401, "{what}: {summary}");
    assert_eq!(
        at("introspected_after"),
        serde_json::json!({ "active": false }),
        "{what}: {summary}"
    );
}
