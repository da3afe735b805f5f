//! The server: sockets, time, files, configuration, workers and the command line. It has no rule about
//! who may do what; that is the engine's.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod advice;
pub mod cli;
pub mod compose;
pub mod config;
pub mod default_environment;
pub mod demo;
pub mod folder;
pub mod gateway;
pub mod health;
pub mod http;
pub mod keystore;
pub mod named;
pub mod outbox;
pub mod passwords;
mod pool;
pub mod serve;
pub mod state;
pub mod system;
pub mod telemetry;
pub mod trouble;
pub mod workers;
