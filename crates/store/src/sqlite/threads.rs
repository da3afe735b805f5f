//! The one place where this crate starts threads. Each is named, and joined by the store that owns it.

use std::{
    io,
    thread::{Builder, JoinHandle},
};

/// Start a thread that the store owns and joins.
///
/// # Errors
/// When the system has no more threads.
pub(super) fn start(
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.into()).spawn(work)
}
