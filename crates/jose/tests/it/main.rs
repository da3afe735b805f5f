//! The crate against vectors that others made, another implementation, and what attackers send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod claims;
mod differential;
mod jwks;
mod keys;
mod properties;
mod refusals;
mod rfc;
mod support;
mod wycheproof;
