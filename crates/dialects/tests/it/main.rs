//! The faces, as bytes in and bytes out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod ayyeka;
mod hostile;
mod openapi;
mod phone;
mod refusals;
mod standard;
mod ubiqu;
mod ultra;
mod wire;
