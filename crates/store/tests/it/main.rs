//! The store's tests, one binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod cached;
mod clock;
mod conformance;
mod generations;
mod model;
mod open;
mod races;
