//! The device protocol (`docs/device-protocol.md`): how a person's phone enrols, hears what it is asked, and answers;
//! and the page that speaks it.

mod bodies;
mod calls;
pub mod error;
pub mod page;
mod routes;
pub mod rows;
mod signature;

use crate::{
    Dialect, Listener,
    wire::{
        openapi::{self, About, Body},
        problem::PROBLEM_JSON,
    },
};

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "phone",
    listener: Listener::Public,
    routes: routes::ROUTES,
    refuse: error::refuse,
    refuse_graphql: None,
    openapi: document,
};

static ABOUT: About = About {
    title: "Countersign: the device protocol",
    description: "How a person's phone enrols, hears what it is asked, and answers. Every call but `about` is signed \
                  by the device's key with HTTP Message Signatures (RFC 9421) in one fixed form: the components \
                  `@method`, `@authority`, `@request-target` and `content-digest`, the parameters `created`, `nonce`, \
                  `keyid` and `alg`. Served on the environment's `phone_url`, beside the page `/phone`.",
    listener: Listener::Public,
    error: Body {
        media_type: PROBLEM_JSON,
        schema: openapi::of::<error::PhoneProblem>,
    },
};

fn document() -> serde_json::Value {
    openapi::document(&ABOUT, routes::ROUTES)
}
