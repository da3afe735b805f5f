//! BitCanuck: a session for an e-mail address and its password, or for the signed word of a partner's platform.

mod body;
pub mod error;
pub mod password;
pub mod session;

use crate::{
    Cors, Decoded, Delivery, Dialect, Listener, Request, Route,
    wire::{
        media,
        openapi::{self, About, Body, Doc},
    },
};
use countersign_engine::call::Callers;
use http::Method;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "bitcanuck",
    listener: Listener::Public,
    routes: ROUTES,
    refuse: error::refuse,
    refuse_graphql: None,
    openapi: document,
};

/// Bytes of a body: two passwords of a thousand bytes fit, every one of them escaped.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a body that nobody reads: many a library sends `{}` or `null` with every POST.
const UNREAD_BYTES_MAX: usize = 1024;

static ROUTES: &[Route] = &[
    post(
        "bitcanuck.authenticate",
        "/api/v1/authenticate",
        Callers::Anyone,
        session::authenticate,
        session::AUTHENTICATE_DOC,
    ),
    bare(
        "bitcanuck.authenticate_jwt",
        Method::POST,
        "/api/v1/authenticate-jwt/{platform}",
        Callers::Anyone,
        session::authenticate_jwt,
        session::AUTHENTICATE_JWT_DOC,
    ),
    bare(
        "bitcanuck.logout",
        Method::POST,
        "/api/v1/logout",
        Callers::Session,
        session::logout,
        session::LOGOUT_DOC,
    ),
    bare(
        "bitcanuck.user",
        Method::GET,
        "/api/v1/users/{userId}",
        Callers::Session,
        session::user,
        session::USER_DOC,
    ),
    post(
        "bitcanuck.change_password",
        "/api/v1/password",
        Callers::Session,
        password::change,
        password::CHANGE_DOC,
    ),
    post(
        "bitcanuck.ask_reset",
        "/api/v1/password-reset",
        Callers::Anyone,
        password::ask_reset,
        password::ASK_RESET_DOC,
    ),
    post(
        "bitcanuck.reset_password",
        "/api/v1/password-reset/confirm",
        Callers::Anyone,
        password::reset,
        password::RESET_DOC,
    ),
];

/// A route that reads no body, of a face that browsers use.
const fn bare(
    name: &'static str,
    method: Method,
    path: &'static str,
    callers: Callers,
    decode: fn(&Request<'_>) -> Decoded,
    doc: Doc,
) -> Route {
    Route {
        name,
        method,
        path,
        callers,
        body_bytes_max: UNREAD_BYTES_MAX,
        cors: Cors::Allowed,
        delivery: Delivery::Once,
        decode,
        encode: session::encode,
        doc,
    }
}

/// The same with one.
const fn post(
    name: &'static str,
    path: &'static str,
    callers: Callers,
    decode: fn(&Request<'_>) -> Decoded,
    doc: Doc,
) -> Route {
    Route {
        name,
        method: Method::POST,
        path,
        callers,
        body_bytes_max: BODY_BYTES_MAX,
        cors: Cors::Allowed,
        delivery: Delivery::Once,
        decode,
        encode: session::encode,
        doc,
    }
}

static ABOUT: About = About {
    title: "Countersign: BitCanuck",
    description: "BitCanuck's two ways to log in, and what belongs to them: logging out, the user itself, and its \
                  password. What is the vendor's and what is ours is said of each.",
    listener: Listener::Public,
    error: Body {
        media_type: media::JSON,
        schema: openapi::of::<error::ErrorBody>,
    },
};

fn document() -> serde_json::Value {
    openapi::document(&ABOUT, ROUTES)
}
