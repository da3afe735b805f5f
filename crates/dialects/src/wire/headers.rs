//! Answers with a body and the headers that the body's kind demands.

use crate::Response;
use bytes::Bytes;
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Refusal, Unapproved},
};
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;

/// What a caller waits after a fault of ours before it asks again.
const RETRY_AFTER_FAULT: HeaderValue = HeaderValue::from_static("1");

/// An answer without a body that nobody may keep.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    no_store(&mut response);
    response
}

/// `value` as JSON that nobody may keep (RFC 6749 section 5.1). Members stand in the order of the type.
pub fn json<T: Serialize>(status: StatusCode, media_type: &'static str, value: &T) -> Response {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, Bytes::from(body)),
        // Only a map with keys that are no texts fails, and no answer has one.
        Err(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Bytes::from_static(br#"{"error":"server_error"}"#),
        ),
    };
    let mut response = empty(status);
    *response.body_mut() = body;
    set_type(&mut response, media_type);
    response
}

/// `value` as a public JSON document that may be kept as `cache_control` says.
pub fn public_json<T: Serialize>(value: &T, cache_control: &'static str) -> Response {
    let mut response = json(StatusCode::OK, super::media::JSON, value);
    if response.status() == StatusCode::OK {
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
        headers.remove(PRAGMA);
    }
    response
}

fn set_type(response: &mut Response, media_type: &'static str) {
    let value = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, value);
}

fn no_store(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
}

/// Add what a refusal demands besides a body: `Retry-After`, `Allow` (RFC 9110 sections 10.2.3 and 15.5.6), and
/// `Location` of an approval that is waited for.
pub fn add_refusal(response: &mut Response, refusal: &Refusal) {
    let headers = response.headers_mut();
    match refusal {
        Refusal::Denied(Denied::TooManyRequests { retry_after_s }) => {
            headers.insert(RETRY_AFTER, HeaderValue::from((*retry_after_s).max(1)));
        }
        Refusal::Denied(Denied::MethodNotAllowed { allow }) => {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        // Where the state of what is waited for can be asked. An issuer is an URL, so a header can carry it.
        Refusal::Denied(Denied::Unapproved(why)) => {
            if let Unapproved::Waiting { poll, .. } = &**why
                && let Ok(poll) = HeaderValue::from_str(poll)
            {
                headers.insert(LOCATION, poll);
            }
        }
        Refusal::Fault(Fault::Unavailable(_)) => {
            headers.insert(RETRY_AFTER, RETRY_AFTER_FAULT);
        }
        Refusal::Denied(_) | Refusal::Fault(Fault::Internal(_)) => {}
    }
}

/// Add a challenge (RFC 9110 section 11.6.1). A text that no header can carry becomes `scheme` alone.
pub fn add_challenge(response: &mut Response, scheme: &'static str, parameters: &str) {
    let value = HeaderValue::from_str(&format!("{scheme} {parameters}"))
        .unwrap_or(HeaderValue::from_static(scheme));
    response.headers_mut().append(WWW_AUTHENTICATE, value);
}

/// The realm of every challenge: the environment, because its credentials are good nowhere else.
pub fn realm(context: &CallContext) -> String {
    format!("realm=\"{}\"", context.environment)
}
