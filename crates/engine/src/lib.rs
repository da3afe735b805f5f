//! What Countersign decides. No HTTP, SQL, TOML, runtime or wall clock: those are the ports' business.
//!
//! A dialect decodes a request into [`call::Asked`]; [`Engine::handle`] settles who asks, loads facts, decides in
//! pure functions, commits one [`commit::Commit`] with its audit event, and answers with an
//! [`outcome::Outcome`] or a [`denied::Refusal`]. A gateway asks [`Engine::decide`].
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod admin;
mod approve;
pub mod bounds;
pub mod budget;
pub mod call;
pub mod commit;
mod compiled;
mod decide;
pub mod decision;
pub mod denied;
pub mod digest;
pub mod engine;
mod facts;
pub mod global_id;
mod guard;
pub mod id;
mod identity_assertion;
mod introspect;
mod issue;
mod kept_code;
mod keys;
mod lanes;
mod limits;
pub mod login;
pub mod model;
mod observations;
pub mod octets;
pub mod opaque;
mod outbox;
pub mod outcome;
pub mod path;
mod pem;
pub mod ports;
pub mod profiles;
mod realm;
mod revoke;
pub mod row;
pub mod sealed;
pub mod secret;
pub mod sessions;
mod subjects;
mod subscriptions;
#[cfg(test)]
mod testing;
pub mod time;
mod transitions;
mod verify;

pub use approve::{receipt, record};
pub use engine::{Engine, Ports};
pub use facts::Fresh;
pub use verify::{in_authorization, network_of};
