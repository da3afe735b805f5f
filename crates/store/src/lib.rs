//! Where Countersign keeps its rows: one store behind `countersign_engine::ports::Store`, chosen by a URL, with
//! a cache before it.
//!
//! # What an acknowledged write means
//!
//! When `commit` answers `Ok`, all changes of the commit and its audit line are on the disk (SQLite has
//! called fsync on its log), every later read of this store sees them, and this node's cache has dropped what
//! they touched. They survive the death of the process, of the kernel and of the power. When it answers
//! `Conflict`, nothing was written. When it answers a `Fault`, the store could not be used: the engines here
//! have then written nothing, but a caller must not count on it, since other engines may lose the answer
//! to a commit that happened. A commit whose future is dropped happens or does not, as a whole.
//!
//! `observe` and `keep` are as durable, once answered. The memory engine keeps all of this except the disk.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod bell;
pub mod cached;
pub mod conformance;
mod generations;
pub mod memory;
mod open;
mod page;
pub mod sqlite;
mod sync;
mod tables;

pub use bell::{Bell, Watch};
pub use cached::CachedStore;
pub use open::{NotOpened, Opened, open};
