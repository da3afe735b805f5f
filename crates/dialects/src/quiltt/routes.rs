//! Which path leads where.

use super::{introspect, profiles, sessions, sign_in, subscriptions};
use crate::{Cors, Decoded, Delivery, Reply, Request, Response, Route, wire::openapi::Doc};
use countersign_engine::{
    call::{CallContext, Callers},
    denied::Refusal,
    outcome::Outcome,
};
use http::Method;

/// Bytes of a body: a profile with all of its metadata.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// Bytes of a body that nobody reads: many a library sends `{}` or `null` with every request.
const UNREAD_BYTES_MAX: usize = 1024;

type Decode = fn(&Request<'_>) -> Decoded;
type Encode = fn(&Result<Outcome, Refusal>, &Reply, &CallContext) -> Response;

/// A route of the environment scope: for servers, never for browsers.
const fn server(
    name: &'static str,
    method: Method,
    path: &'static str,
    body_bytes_max: usize,
    (decode, encode, doc): (Decode, Encode, Doc),
) -> Route {
    Route {
        name,
        method,
        path,
        callers: Callers::ApiKey,
        body_bytes_max,
        cors: Cors::No,
        delivery: Delivery::Once,
        decode,
        encode,
        doc,
    }
}

/// A route that the vendor's front-end library asks.
const fn browser(
    name: &'static str,
    method: Method,
    path: &'static str,
    callers: Callers,
    body_bytes_max: usize,
    (decode, encode, doc): (Decode, Encode, Doc),
) -> Route {
    Route {
        name,
        method,
        path,
        callers,
        body_bytes_max,
        cors: Cors::Allowed,
        delivery: Delivery::Once,
        decode,
        encode,
        doc,
    }
}

const SESSION: &str = "/v1/users/session";
const PROFILES: &str = "/v1/profiles";
const PROFILE: &str = "/v1/profiles/{profile}";
const SUBSCRIPTIONS: &str = "/v1/webhooks/subscriptions";
const SUBSCRIPTION: &str = "/v1/webhooks/subscriptions/{subscription}";

/// Every route.
pub(super) static ROUTES: &[Route] = &[
    server(
        "quiltt.issue",
        Method::POST,
        "/v1/users/sessions",
        BODY_BYTES_MAX,
        (
            sessions::decode_issue,
            sessions::encode_issue,
            sessions::ISSUE,
        ),
    ),
    browser(
        "quiltt.session",
        Method::GET,
        SESSION,
        Callers::Session,
        UNREAD_BYTES_MAX,
        (sessions::decode_show, sessions::encode_show, sessions::SHOW),
    ),
    browser(
        "quiltt.revoke",
        Method::DELETE,
        SESSION,
        Callers::Session,
        UNREAD_BYTES_MAX,
        (sessions::decode_end, sessions::encode_end, sessions::END),
    ),
    browser(
        "quiltt.identify",
        Method::POST,
        SESSION,
        Callers::Anyone,
        BODY_BYTES_MAX,
        (sign_in::decode_identify, sign_in::encode, sign_in::IDENTIFY),
    ),
    browser(
        "quiltt.authenticate",
        Method::PUT,
        SESSION,
        Callers::Anyone,
        BODY_BYTES_MAX,
        (
            sign_in::decode_authenticate,
            sign_in::encode,
            sign_in::AUTHENTICATE,
        ),
    ),
    server(
        "quiltt.introspect_key",
        Method::POST,
        "/v1/introspect/api_key",
        UNREAD_BYTES_MAX,
        (
            introspect::decode_key,
            introspect::encode_key,
            introspect::KEY,
        ),
    ),
    browser(
        "quiltt.introspect_session",
        Method::POST,
        "/v1/introspect/session_token",
        Callers::Session,
        UNREAD_BYTES_MAX,
        (
            sessions::decode_show,
            sessions::encode_show,
            introspect::SESSION,
        ),
    ),
    server(
        "quiltt.profiles",
        Method::GET,
        PROFILES,
        0,
        (profiles::decode_list, profiles::encode, profiles::LIST),
    ),
    server(
        "quiltt.new_profile",
        Method::POST,
        PROFILES,
        BODY_BYTES_MAX,
        (profiles::decode_create, profiles::encode, profiles::CREATE),
    ),
    server(
        "quiltt.profile",
        Method::GET,
        PROFILE,
        0,
        (profiles::decode_show, profiles::encode, profiles::SHOW),
    ),
    server(
        "quiltt.change_profile",
        Method::PATCH,
        PROFILE,
        BODY_BYTES_MAX,
        (profiles::decode_change, profiles::encode, profiles::CHANGE),
    ),
    server(
        "quiltt.remove_profile",
        Method::DELETE,
        PROFILE,
        0,
        (profiles::decode_remove, profiles::encode, profiles::REMOVE),
    ),
    server(
        "quiltt.subscriptions",
        Method::GET,
        SUBSCRIPTIONS,
        0,
        (
            subscriptions::decode_list,
            subscriptions::encode,
            subscriptions::LIST,
        ),
    ),
    server(
        "quiltt.new_subscription",
        Method::POST,
        SUBSCRIPTIONS,
        BODY_BYTES_MAX,
        (
            subscriptions::decode_create,
            subscriptions::encode,
            subscriptions::CREATE,
        ),
    ),
    server(
        "quiltt.subscription",
        Method::GET,
        SUBSCRIPTION,
        0,
        (
            subscriptions::decode_show,
            subscriptions::encode,
            subscriptions::SHOW,
        ),
    ),
    server(
        "quiltt.change_subscription",
        Method::PATCH,
        SUBSCRIPTION,
        BODY_BYTES_MAX,
        (
            subscriptions::decode_change,
            subscriptions::encode,
            subscriptions::CHANGE,
        ),
    ),
    server(
        "quiltt.remove_subscription",
        Method::DELETE,
        SUBSCRIPTION,
        0,
        (
            subscriptions::decode_remove,
            subscriptions::encode,
            subscriptions::REMOVE,
        ),
    ),
];
