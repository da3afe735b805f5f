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

pub mod bounds;
pub mod call;
pub mod commit;
pub mod decision;
pub mod denied;
pub mod digest;
pub mod engine;
pub mod id;
pub mod model;
pub mod outcome;
pub mod path;
pub mod ports;
pub mod row;
pub mod sealed;
pub mod secret;
pub mod time;

pub use engine::{Engine, Ports};
