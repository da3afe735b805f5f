//! The server through its sockets, on free ports of this machine and folders of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod binary;
mod cli;
mod configuration;
mod demo;
mod drain;
mod floods;
mod harness;
mod limits;
mod listeners;
mod proxies;
mod routes;
mod rules;
mod tls;
