//! The open standards: OAuth 2.0 (RFC 6749) with introspection (7662), revocation (7009), metadata (8414, OpenID
//! Connect Discovery 1.0), resource indicators (8707) and client assertions (7523). And what no standard has: asking what
//! came of a person's approval.

pub mod approvals;
pub mod introspect;
pub mod jwks;
pub mod metadata;
pub mod revoke;
pub mod token;

use crate::{
    Cors, Delivery, Dialect, Listener, Response, Route,
    wire::{
        authorization,
        client_auth::Rules,
        media, oauth_error,
        openapi::{self, About, Body},
    },
};
use countersign_engine::{
    call::{CallContext, Callers},
    denied::{Fault, Refusal},
};
use http::Method;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "standard",
    listener: Listener::Public,
    routes: ROUTES,
    refuse: oauth_error::refuse_at_resource,
    refuse_graphql: None,
    openapi: document,
};

/// How clients authenticate here.
pub(crate) const CLIENT_RULES: Rules = Rules {
    basic: authorization::oauth_basic,
    assertions: true,
};

/// The token endpoint.
pub const TOKEN: &str = "/oauth2/token";
/// The introspection endpoint.
pub const INTROSPECT: &str = "/oauth2/introspect";
/// The revocation endpoint.
pub const REVOKE: &str = "/oauth2/revoke";
/// What came of an approval.
pub const APPROVAL: &str = "/approvals/{id}";
/// The public keys.
pub const JWKS: &str = "/oauth2/jwks";

/// Bytes of a form: an assertion and sixteen resources fit.
const FORM_BYTES_MAX: usize = 32 * 1024;

static ROUTES: &[Route] = &[
    Route {
        name: "standard.token",
        method: Method::POST,
        path: TOKEN,
        callers: Callers::Client,
        body_bytes_max: FORM_BYTES_MAX,
        cors: Cors::No,
        delivery: Delivery::Once,
        decode: token::decode,
        encode: token::encode,
        doc: token::DOC,
    },
    Route {
        name: "standard.introspect",
        method: Method::POST,
        path: INTROSPECT,
        callers: Callers::Client,
        body_bytes_max: FORM_BYTES_MAX,
        cors: Cors::No,
        delivery: Delivery::Once,
        decode: introspect::decode,
        encode: introspect::encode,
        doc: introspect::DOC,
    },
    Route {
        name: "standard.revoke",
        method: Method::POST,
        path: REVOKE,
        callers: Callers::Client,
        body_bytes_max: FORM_BYTES_MAX,
        cors: Cors::No,
        delivery: Delivery::Once,
        decode: revoke::decode,
        encode: revoke::encode,
        doc: revoke::DOC,
    },
    public("standard.jwks", JWKS, jwks::decode, jwks::encode, jwks::DOC),
    metadata_route("standard.metadata", metadata::OAUTH, metadata::OAUTH_DOC),
    metadata_route(
        "standard.metadata_of_path",
        "/.well-known/oauth-authorization-server/{path}",
        metadata::OAUTH_OF_PATH_DOC,
    ),
    metadata_route("standard.discovery", metadata::OPENID, metadata::OPENID_DOC),
    metadata_route(
        "standard.discovery_of_path",
        "/.well-known/openid-configuration/{path}",
        metadata::OPENID_OF_PATH_DOC,
    ),
    metadata_route(
        "standard.discovery_behind_path",
        "/{path}/.well-known/openid-configuration",
        metadata::OPENID_OF_PATH_DOC,
    ),
    Route {
        name: "standard.approval",
        method: Method::GET,
        path: APPROVAL,
        callers: Callers::Anyone,
        body_bytes_max: 0,
        cors: Cors::Allowed,
        delivery: Delivery::LongPoll,
        decode: approvals::decode_poll,
        encode: approvals::encode,
        doc: approvals::POLL_DOC,
    },
    public(
        "standard.receipt_keys",
        "/approvals/keys",
        approvals::decode_keys,
        approvals::encode,
        approvals::KEYS_DOC,
    ),
    Route {
        name: "standard.link",
        method: Method::POST,
        path: "/approvals/link",
        callers: Callers::Session,
        body_bytes_max: 0,
        cors: Cors::Allowed,
        delivery: Delivery::Once,
        decode: approvals::decode_link,
        encode: approvals::encode,
        doc: approvals::LINK_DOC,
    },
];

/// A document for everyone: no caller, no body, any browser.
const fn public(
    name: &'static str,
    path: &'static str,
    decode: fn(&crate::Request<'_>) -> crate::Decoded,
    encode: Encode,
    doc: openapi::Doc,
) -> Route {
    Route {
        name,
        method: Method::GET,
        path,
        callers: Callers::Anyone,
        body_bytes_max: 0,
        cors: Cors::Any,
        delivery: Delivery::Once,
        decode,
        encode,
        doc,
    }
}

type Encode = fn(
    &Result<countersign_engine::outcome::Outcome, Refusal>,
    &crate::Reply,
    &CallContext,
) -> Response;

const fn metadata_route(name: &'static str, path: &'static str, doc: openapi::Doc) -> Route {
    public(name, path, metadata::decode, metadata::encode, doc)
}

static ABOUT: About = About {
    title: "Countersign: OAuth 2.0",
    description: "Tokens for clients, and what is needed to check and to end them: RFC 6749, 7009, 7517, 7523, \
                  7662, 8414, 8707 and 9068. And people's approvals, which no RFC has.",
    listener: Listener::Public,
    error: Body {
        media_type: media::JSON,
        schema: openapi::of::<oauth_error::ErrorBody>,
    },
};

fn document() -> serde_json::Value {
    openapi::document(&ABOUT, ROUTES)
}

/// The engine answered another call than the route's: our fault.
fn unexpected(context: &CallContext) -> Response {
    let refusal = Fault::internal("the outcome is not one of this route's call").into();
    oauth_error::refuse_at_client_endpoint(&refusal, context)
}
