//! Which browsers may read an answer (Fetch standard, section 3.3).

use super::{Answer, router::Place};
use countersign_dialects::Cors;
use countersign_engine::{call::Sender, in_authorization, secret::Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// What a browser's script may send. `Authorization` has to be named: a wildcard does not mean it.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, X-Client-ID, DPoP, Idempotency-Key, If-Match, Quiltt-Version, \
     Quiltt-SDK-Agent, Quiltt-Client-Version, Quiltt-Session-ID, Quiltt-Anonymous-ID, \
     Token, client_id, client_secret, grant_type, scope",
);
/// What a browser's script may read.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "Countersign-Request-Id, X-Request-Id, ETag, Retry-After, WWW-Authenticate, DPoP-Nonce, Authorization, \
     Quiltt-Version, Ratelimit-Limit, Ratelimit-Remaining, Ratelimit-Reset",
);

/// The request's one origin. Several, or none that is text, are no origin.
pub(super) fn origin(headers: &HeaderMap) -> Option<&str> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next()?.to_str().ok()?;
    origins.next().is_none().then_some(origin)
}

/// What sent it. Node's fetch sends `Sec-Fetch-Mode`, and is no browser.
pub(super) fn sender(headers: &HeaderMap) -> Sender {
    if !headers.contains_key(header::ORIGIN) && !headers.contains_key("sec-fetch-site") {
        return Sender::Machine;
    }
    let texts = |name: HeaderName| headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    let shown = texts(header::AUTHORIZATION).flat_map(in_authorization);
    let own = ["client_secret", "x-api-key"].map(HeaderName::from_static);
    let own = own.into_iter().flat_map(texts);
    let own = own.map(|text| Secret::new(text.to_owned()));
    Sender::Browser {
        headers: shown.chain(own).collect(),
    }
}

/// The method that a preflight asks about.
pub(super) fn preflight(method: &Method, headers: &HeaderMap) -> Option<Method> {
    let asked = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    if method != Method::OPTIONS || origin(headers).is_none() {
        return None;
    }
    Method::from_bytes(asked.as_bytes()).ok()
}

/// The answer to a preflight whose origin is allowed.
pub(super) fn preflight_answer(place: &Place) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(place.allow),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("600"),
    );
    answer
}

/// Whether `origin` may read answers of a route with this policy.
pub(super) fn allows(cors: Cors, origin: &str, allowed_origins: &[String]) -> bool {
    match cors {
        Cors::No => false,
        Cors::Any => true,
        Cors::Allowed => allowed_origins.iter().any(|allowed| allowed == origin),
    }
}

/// Say to the browser that it may read the answer. Credentials are never cookies here, so nothing says
/// `Access-Control-Allow-Credentials`.
pub(super) fn permit(
    cors: Cors,
    origin: &str,
    allowed_origins: &[String],
    headers: &mut HeaderMap,
) {
    match cors {
        Cors::No => {}
        Cors::Any => set(headers, &header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        Cors::Allowed if allows(cors, origin, allowed_origins) => {
            set(headers, &header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        Cors::Allowed => {}
    }
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
    }
}

/// An answer that depends on the origin says so, also when there was none: caches keep it by that.
pub(super) fn vary(cors: Cors, headers: &mut HeaderMap) {
    if cors == Cors::Allowed {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

fn set(headers: &mut HeaderMap, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name.clone(), value);
    }
}
