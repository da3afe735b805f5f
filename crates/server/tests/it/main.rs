//! The server through its sockets, on free ports of this machine and folders of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod ask;
mod bad_input;
mod binary;
mod browser;
mod canaries;
mod cli;
mod cli_approvals;
mod cli_tls;
mod configuration;
mod crash;
mod demo;
mod drain;
mod floods;
mod full_disk;
mod harness;
mod interop;
mod keystore;
mod limits;
mod listeners;
mod login_flood;
mod matrix;
mod outbox;
mod phone;
mod phones;
mod pocket;
mod proxies;
mod quiltt;
mod routes;
mod rules;
mod tls;
mod transcripts;
mod waiting;
mod world;
