//! Ultra: the OpenID endpoints of a Keycloak realm for back ends, and the errors of a GraphQL API.

pub mod error;
pub mod realm;
pub mod token;
pub mod tokens;
pub mod userinfo;

use crate::{
    Cors, Delivery, Dialect, Listener, Request, Route,
    wire::{
        authorization,
        client_auth::Rules,
        media, oauth_error,
        openapi::{self, About, Body, Parameter, Place},
    },
};
use countersign_engine::call::{Callers, RealmAsk, RealmCall};
use http::Method;

/// The dialect.
pub const DIALECT: Dialect = Dialect {
    name: "ultra",
    listener: Listener::Public,
    routes: ROUTES,
    refuse: error::refuse_at_guard,
    refuse_graphql: Some(error::refuse_at_graphql),
    openapi: document,
};

/// How clients authenticate here, besides the headers of the token endpoint.
const CLIENT_RULES: Rules = Rules {
    basic: authorization::oauth_basic,
    assertions: false,
};

/// What follows the realm's issuer at its endpoints.
const TOKEN: &str = "/protocol/openid-connect/token";
const CERTS: &str = "/protocol/openid-connect/certs";
const USERINFO: &str = "/protocol/openid-connect/userinfo";
const INTROSPECT: &str = "/protocol/openid-connect/token/introspect";
const REVOKE: &str = "/protocol/openid-connect/revoke";

/// Bytes of a form: a token and a credential fit.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// The realm in the path of every endpoint.
const REALM: Parameter = Parameter {
    name: "realm",
    place: Place::Path,
    required: true,
    about: "The realm: the last segment of the issuer in the environment's tokens.",
    schema: openapi::of::<String>,
};

static ROUTES: &[Route] = &[
    Route {
        name: "ultra.token",
        method: Method::POST,
        path: "/auth/realms/{realm}/protocol/openid-connect/token",
        callers: Callers::Client,
        body_bytes_max: FORM_BYTES_MAX,
        // No browser gets a token here; but its page can read why not.
        cors: Cors::Allowed,
        delivery: Delivery::Once,
        decode: token::decode,
        encode: token::encode,
        doc: token::DOC,
    },
    Route {
        name: "ultra.introspect",
        method: Method::POST,
        path: "/auth/realms/{realm}/protocol/openid-connect/token/introspect",
        callers: Callers::Client,
        body_bytes_max: FORM_BYTES_MAX,
        cors: Cors::No,
        delivery: Delivery::Once,
        decode: tokens::decode_introspect,
        encode: tokens::encode_introspect,
        doc: tokens::INTROSPECT_DOC,
    },
    Route {
        name: "ultra.revoke",
        method: Method::POST,
        path: "/auth/realms/{realm}/protocol/openid-connect/revoke",
        callers: Callers::Client,
        body_bytes_max: FORM_BYTES_MAX,
        cors: Cors::No,
        delivery: Delivery::Once,
        decode: tokens::decode_revoke,
        encode: tokens::encode_revoke,
        doc: tokens::REVOKE_DOC,
    },
    user_info("ultra.userinfo", Method::GET),
    user_info("ultra.userinfo_post", Method::POST),
    Route {
        name: "ultra.certs",
        method: Method::GET,
        path: "/auth/realms/{realm}/protocol/openid-connect/certs",
        callers: Callers::Anyone,
        body_bytes_max: 0,
        cors: Cors::Any,
        delivery: Delivery::Once,
        decode: realm::decode_certs,
        encode: realm::encode_certs,
        doc: realm::CERTS_DOC,
    },
    Route {
        name: "ultra.discovery",
        method: Method::GET,
        path: "/auth/realms/{realm}/.well-known/openid-configuration",
        callers: Callers::Anyone,
        body_bytes_max: 0,
        cors: Cors::Any,
        delivery: Delivery::Once,
        decode: realm::decode_discovery,
        encode: realm::encode_discovery,
        doc: realm::DISCOVERY_DOC,
    },
];

/// Bytes of a body that nobody reads: many a library sends one with every POST.
const UNREAD_BYTES_MAX: usize = 1024;

/// OpenID Connect Core 1.0 section 5.3.1: both methods.
const fn user_info(name: &'static str, method: Method) -> Route {
    Route {
        name,
        method,
        path: "/auth/realms/{realm}/protocol/openid-connect/userinfo",
        callers: Callers::AccessToken,
        body_bytes_max: UNREAD_BYTES_MAX,
        cors: Cors::Allowed,
        delivery: Delivery::Once,
        decode: userinfo::decode,
        encode: userinfo::encode,
        doc: userinfo::DOC,
    }
}

/// A call to the realm that the path names.
fn call(request: &Request<'_>, ask: RealmAsk) -> RealmCall {
    let named = |(name, _): &&(&str, _)| *name == REALM.name;
    let realm = request.parameters.iter().find(named);
    RealmCall {
        profile: "ultra",
        realm: realm
            .map(|(_, realm)| realm.to_string())
            .unwrap_or_default(),
        ask,
    }
}

static ABOUT: About = About {
    title: "Countersign: Ultra",
    description: "The OpenID endpoints of a realm, for back ends of Ultra's API. At a guard for a GraphQL endpoint \
                  (a path that ends in `/graphql`), refusals have the form of a GraphQL answer.",
    listener: Listener::Public,
    error: Body {
        media_type: media::JSON,
        schema: openapi::of::<oauth_error::ErrorBody>,
    },
};

fn document() -> serde_json::Value {
    openapi::document(&ABOUT, ROUTES)
}
