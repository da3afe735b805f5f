//! HTTP to calls and outcomes to HTTP. A dialect is plain data and plain functions: no async, database,
//! clock or trait object. The open standards and the admin API are dialects like any vendor's.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod admin;
pub mod announce;
pub mod ayyeka;
pub mod bitcanuck;
pub mod phone;
pub mod quiltt;
pub mod standard;
pub mod ubiqu;
pub mod ultra;
pub mod wire;

use bytes::Bytes;
use countersign_engine::{
    budget::{Budgets, Told},
    call::{Call, CallContext, Callers, Presented},
    denied::{Denied, Refusal},
    outcome::Outcome,
};
use http::{HeaderMap, Method};
use wire::openapi;

/// A face of the server: one folder and one line in [`registry`].
pub struct Dialect {
    /// What environments, guards and metrics call it.
    pub name: &'static str,
    /// Which listener serves it.
    pub listener: Listener,
    /// Its endpoints.
    pub routes: &'static [Route],
    /// Its error envelope, for what is refused before a route decodes it (404, 405, 413, 421) and for
    /// denials at a guard that names this dialect.
    pub refuse: fn(&Refusal, &CallContext) -> Response,
    /// The same for a denial at a guard where a GraphQL endpoint was asked (a path that ends in `/graphql`);
    /// none: as everywhere.
    pub refuse_graphql: Option<fn(&Refusal, &CallContext) -> Response>,
    /// Its OpenAPI 3.1 document.
    pub openapi: fn() -> serde_json::Value,
}

impl Dialect {
    /// Whether it is the one for devices: it is served on the environment's `phone_url`, where nothing else is.
    pub fn is_for_phones(&self) -> bool {
        self.name == "phone"
    }
}

/// Which listener serves a dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// For the world.
    Public,
    /// For operators.
    Admin,
}

/// One endpoint. Every member must be said: an endpoint without callers or limits cannot be written.
pub struct Route {
    /// What metrics and tests call it: `standard.token`.
    pub name: &'static str,
    /// The one method.
    pub method: Method,
    /// The path, with `{name}` for a whole segment.
    pub path: &'static str,
    /// Who may call it.
    pub callers: Callers,
    /// The largest body it takes; 0: none.
    pub body_bytes_max: usize,
    /// Which browsers may read its answers.
    pub cors: Cors,
    /// How its answer is delivered.
    pub delivery: Delivery,
    /// HTTP to a call.
    pub decode: fn(&Request<'_>) -> Decoded,
    /// An outcome to HTTP.
    pub encode: fn(&Result<Outcome, Refusal>, &Reply, &CallContext) -> Response,
    /// What its OpenAPI document says of it.
    pub doc: openapi::Doc,
}

/// Which browsers may read a route's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cors {
    /// None.
    No,
    /// All: public documents only.
    Any,
    /// Those of the environment's allowed origins.
    Allowed,
}

/// How an answer is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Once, at once.
    Once,
    /// Once, when there are news or after a while: as long as [`Outcome::waits_for`] names a row, the same call is made
    /// again when that row changes.
    LongPoll,
    /// As server-sent events, each with the body that `encode` makes as its data, whenever that is another than before.
    Events,
}

/// A request as a decoder sees it.
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// The host that it was sent to, lower case, with its port if it names one.
    pub host: &'a str,
    /// The path as sent.
    pub path: &'a str,
    /// The `{name}` segments of the route's path, percent-decoded.
    pub parameters: &'a [(&'a str, std::borrow::Cow<'a, str>)],
    /// What follows `?`, as sent.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body, at most [`Route::body_bytes_max`].
    pub body: &'a [u8],
}

/// A request as a decoder understood it.
pub struct Decoded {
    /// What the caller showed, unbelieved. Settled first.
    pub presented: Presented,
    /// What is asked, opened only for a caller who may ask.
    pub call: Result<Call, Denied>,
    /// What the answer's form depends on.
    pub reply: Reply,
}

/// What an answer's form depends on, kept from the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Plain,
    /// The path of the issuer whose metadata was asked for, `/` first; empty for an issuer without path.
    Issuer {
        /// As the request spelled it.
        path: String,
    },
    /// What Quiltt's answers say of themselves.
    Quiltt(quiltt::Framing),
    /// In which of its flavours Ubiqu answers.
    Ubiqu(ubiqu::Flavour),
    /// A file of the phone page.
    Page(phone::page::Asked),
}

impl Reply {
    /// What its callers may ask in a second, where the dialect tells them.
    pub fn budgets(&self) -> Option<Budgets> {
        match self {
            Self::Quiltt(_) => Some(quiltt::BUDGETS),
            _ => None,
        }
    }

    /// Take note of what is told of the caller.
    pub fn tell(&mut self, told: Told) {
        if let Self::Quiltt(framing) = self {
            framing.told = told;
        }
    }
}

/// An answer. The server adds the headers that every answer has.
pub type Response = http::Response<Bytes>;

/// In an answer's extensions: it must not tell by its time what its bytes do not tell, so the server lets it leave on a
/// beat, at a whole multiple of some milliseconds after its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnTheBeat;

/// Every dialect, in the order in which documentation lists them.
pub fn registry() -> &'static [Dialect] {
    &[
        standard::DIALECT,
        admin::DIALECT,
        ayyeka::DIALECT,
        bitcanuck::DIALECT,
        ultra::DIALECT,
        quiltt::DIALECT,
        ubiqu::DIALECT,
        phone::DIALECT,
    ]
}

/// The dialect called `name`.
pub fn dialect(name: &str) -> Option<&'static Dialect> {
    registry().iter().find(|dialect| dialect.name == name)
}

/// The OpenAPI document of every dialect, as it is checked in and served: its name and the text.
pub fn openapi_documents() -> Vec<(&'static str, String)> {
    registry()
        .iter()
        .map(|dialect| (dialect.name, openapi::print(&(dialect.openapi)())))
        .collect()
}
