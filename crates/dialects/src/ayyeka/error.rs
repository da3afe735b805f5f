//! What Ayyeka's callers are told.
//!
//! The vendor documents `{"message","request_id"}` for its `/v2.0` API, and nothing for its token endpoint. Ours
//! there has both that and what generic OAuth clients look for (RFC 6749 section 5.2).

use crate::{
    Response,
    wire::{describe, headers, media, oauth_error},
};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Malformed, Refusal},
    id::RequestId,
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The media type of the token endpoint's answers, as the vendor prints it.
pub const JSON_UTF_8: &str = "application/json; charset=utf-8";

/// Characters of a request id, as the vendor prints them: `uGv69FKl`.
const REQUEST_ID_CHARS: usize = 8;

/// The body of an error. `error` and `error_description` stand there at the token endpoint only.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Error")]
pub struct ErrorBody {
    /// The error code of RFC 6749 section 5.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub error: Option<Cow<'static, str>>,
    /// What is wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub error_description: Option<Cow<'static, str>>,
    /// What is wrong, in words.
    pub message: Cow<'static, str>,
    /// The request, for questions about it: eight letters or digits.
    pub request_id: String,
}

/// The table of the `/v2.0` API.
pub fn at_resource(refusal: &Refusal) -> (u16, Cow<'static, str>) {
    let denied = match refusal {
        Refusal::Fault(Fault::Unavailable(_)) => return (503, "service unavailable".into()),
        Refusal::Fault(Fault::Internal(_)) => return (500, "internal error".into()),
        Refusal::Denied(denied) => denied,
    };
    let (status, message) = match denied {
        Denied::NoCredential
        | Denied::InvalidClient(_)
        | Denied::InvalidToken(_)
        | Denied::MalformedCredential(
            Malformed::Form | Malformed::TooLong | Malformed::Unaccepted,
        ) => (401, "incorrect credentials"),
        Denied::MalformedCredential(Malformed::Repeated | Malformed::Two) => {
            (400, "more than one credential")
        }
        Denied::MalformedCredential(Malformed::Place) => (400, "a secret must not be in the URL"),
        Denied::MalformedCredential(Malformed::Request) => (400, "bad request"),
        Denied::Invalid(problems) => return (400, describe::problems(problems).into()),
        Denied::InsufficientScope { .. }
        | Denied::Forbidden(_)
        | Denied::UnauthorizedClient
        | Denied::SecretFromBrowser
        | Denied::Unapproved(_)
        | Denied::WrongPin { .. } => (403, "permission denied"),
        Denied::UnsupportedGrantType => (400, "unsupported grant type"),
        Denied::InvalidScope => (400, "invalid scope"),
        Denied::InvalidTarget => (400, "invalid resource"),
        Denied::NotFound { .. } => (404, "not found"),
        Denied::Conflict(_) | Denied::SecretAlreadyShown => (409, "conflict"),
        Denied::PreconditionFailed => (412, "precondition failed"),
        Denied::PreconditionRequired => (428, "precondition required"),
        Denied::IdempotencyMismatch => (422, "idempotency key used for another request"),
        Denied::TooManyRequests { .. } => (429, "too many requests"),
        Denied::UnknownHost => (421, "unknown host"),
        Denied::MethodNotAllowed { .. } => (405, "method not allowed"),
        Denied::UnsupportedMediaType { .. } => (415, "unsupported media type"),
        Denied::BodyTooLarge { .. } => (413, "request too large"),
    };
    (status, message.into())
}

/// The answer of the `/v2.0` API.
pub fn refuse_at_resource(refusal: &Refusal, context: &CallContext) -> Response {
    let (status, message) = at_resource(refusal);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = ErrorBody {
        error: None,
        error_description: None,
        message,
        request_id: request_id(&context.request_id),
    };
    let mut response = headers::json(status, media::JSON, &body);
    headers::add_refusal(&mut response, refusal);
    let error = oauth_error::at_resource(refusal);
    oauth_error::add_bearer_challenge(&mut response, &error, refusal, context);
    response
}

/// The answer of the token endpoint: the status of RFC 6749 section 5.2, and all four members.
pub fn refuse_at_token_endpoint(refusal: &Refusal, context: &CallContext) -> Response {
    let error = oauth_error::at_client_endpoint(refusal);
    let (_, message) = at_resource(refusal);
    let body = ErrorBody {
        error: Some(error.code.into()),
        error_description: Some(error.description),
        message,
        request_id: request_id(&context.request_id),
    };
    let mut response = headers::json(error.status, JSON_UTF_8, &body);
    headers::add_refusal(&mut response, refusal);
    oauth_error::add_client_challenge(&mut response, context);
    response
}

/// The last eight letters or digits of our own id, so that either finds the other in a log; `0` in front of a
/// shorter one.
fn request_id(id: &RequestId) -> String {
    let plain: Vec<char> = id
        .as_str()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let last = plain.len().saturating_sub(REQUEST_ID_CHARS);
    let printed: String = plain.iter().skip(last).collect();
    format!("{printed:0>REQUEST_ID_CHARS$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_has_eight_letters_or_digits_of_ours() {
        for (ours, printed) in [
            ("uGv69FKl", "uGv69FKl"),
            ("req_01hzyQ4kTn8sWb2cVf", "8sWb2cVf"),
            ("0190-aB.c", "00190aBc"),
            ("a", "0000000a"),
        ] {
            let id = RequestId::parse(ours).unwrap();
            assert_eq!(request_id(&id), printed);
        }
    }
}
