//! Ayyeka: OAuth 2.0 client credentials that give an RS384 token, and the error envelope of its `/v2.0` API.

pub mod error;
pub mod token;

use crate::{
    Cors, Delivery, Dialect, Listener, Route,
    wire::{
        authorization,
        client_auth::Rules,
        openapi::{self, About, Body},
    },
};
use countersign_engine::call::Callers;
use http::Method;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "ayyeka",
    listener: Listener::Public,
    routes: ROUTES,
    refuse: error::refuse_at_resource,
    refuse_graphql: None,
    openapi: document,
};

/// How clients authenticate here: keys and secrets are pasted at shells, and secrets are base64.
const CLIENT_RULES: Rules = Rules {
    basic: authorization::lenient_basic,
    assertions: false,
};

static ROUTES: &[Route] = &[Route {
    name: "ayyeka.token",
    method: Method::POST,
    path: "/auth/token",
    callers: Callers::Client,
    body_bytes_max: 8 * 1024,
    cors: Cors::No,
    delivery: Delivery::Once,
    decode: token::decode,
    encode: token::encode,
    doc: token::DOC,
}];

static ABOUT: About = About {
    title: "Countersign: Ayyeka",
    description: "The token endpoint of Ayyeka's REST API. At a guard, refusals have the members `message` and \
                  `request_id` only.",
    listener: Listener::Public,
    error: Body {
        media_type: error::JSON_UTF_8,
        schema: openapi::of::<error::ErrorBody>,
    },
};

fn document() -> serde_json::Value {
    openapi::document(&ABOUT, ROUTES)
}
