//! The nouns and their invariants, a file each.

pub mod audit;
pub mod client;
pub mod contact;
pub mod credential;
pub mod environment;
pub mod guard;
pub mod held_key;
pub mod idempotency;
pub mod name;
pub mod operator;
pub mod organization;
pub mod profile;
pub mod revocation;
pub mod scopes;
pub mod session;
pub mod signing;
pub mod subject;
pub mod ticket;
pub mod webhook;

use serde::{Deserialize, Serialize};

/// Whether an account may act. The same two words for organizations, clients and operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It may act.
    #[default]
    Active,
    /// Kept, and refused everywhere until it is active again; so is everything that hangs on it.
    Disabled,
}
