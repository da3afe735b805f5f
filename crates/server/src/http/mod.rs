//! Sockets to requests: accepting, bounding, timing, routing, and the headers that every answer has.

mod accept;
mod activity;
mod address;
mod answer;
mod bare;
mod body;
mod builtin;
mod connection;
mod cors;
mod face;
mod finish;
mod forwarded;
mod framing;
mod handler;
mod host;
mod panics;
mod parameters;
mod router;
mod speaker;
pub mod tls;
mod waiting;

pub use accept::{Accepting, Bound, bind};
pub use answer::{Answer, AnswerBody, Events};
pub use face::Face;
pub use handler::Handler;
pub(crate) use host::is_local;
pub use panics::install_hook;
pub use router::{Collision, Router};
pub use waiting::Waiting;

use std::net::IpAddr;

/// The paths of a listener's own endpoints, those of no dialect: all of them answer everyone.
pub fn own_paths(kind: Kind) -> Vec<String> {
    let table = builtin::Builtin::table(kind, countersign_dialects::registry());
    table.into_iter().map(|(path, _)| path).collect()
}

/// Which of the three listeners a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// For the world.
    Public,
    /// For operators.
    Admin,
    /// For proxies.
    Gateway,
}

impl Kind {
    /// The word in metrics and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Admin => "admin",
            Self::Gateway => "gateway",
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The address; none on a Unix socket.
    pub address: Option<IpAddr>,
}
