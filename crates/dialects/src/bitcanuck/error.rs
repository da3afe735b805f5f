//! What BitCanuck's callers are told. The vendor documents no error; its answers have the members of LoopBack's
//! access token, so the envelope is LoopBack's too.

use crate::{
    Response,
    wire::{describe, headers, media, oauth_error},
};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Malformed, Refusal},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use std::borrow::Cow;

/// The body of an error.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorMembers,
}

/// What went wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ErrorMembers")]
pub struct ErrorMembers {
    /// The HTTP status.
    pub status_code: u16,
    /// The kind of error, for programs: `LoginFailed`, `Unauthorized`, `BadRequest`.
    pub name: &'static str,
    /// What is wrong, in words.
    pub message: Cow<'static, str>,
}

/// Only a person's answer helps.
const UNAPPROVED: (u16, &str, &str) = (403, "Forbidden", "a person has to approve this first");

/// The table: every refusal, its status, its name, and what is said.
pub fn row(refusal: &Refusal) -> (u16, &'static str, Cow<'static, str>) {
    let denied = match refusal {
        Refusal::Fault(Fault::Unavailable(_)) => {
            return (503, "ServiceUnavailable", "try again in a moment".into());
        }
        Refusal::Fault(Fault::Internal(_)) => {
            return (
                500,
                "InternalServerError",
                "something went wrong here".into(),
            );
        }
        Refusal::Denied(denied) => denied,
    };
    let (status, name, message) = match denied {
        // One answer for whatever is wrong with a login.
        Denied::InvalidClient(_) => (401, "LoginFailed", "login failed"),
        Denied::NoCredential
        | Denied::InvalidToken(_)
        | Denied::MalformedCredential(
            Malformed::Form | Malformed::TooLong | Malformed::Unaccepted,
        ) => (401, "Unauthorized", "authorization required"),
        Denied::MalformedCredential(Malformed::Repeated | Malformed::Two) => {
            (400, "BadRequest", "more than one credential")
        }
        Denied::MalformedCredential(Malformed::Place) => {
            (400, "BadRequest", "a secret must not be in the URL")
        }
        Denied::MalformedCredential(Malformed::Request) => {
            (400, "BadRequest", "the request has no single reading")
        }
        Denied::Invalid(problems) => {
            return (400, "BadRequest", describe::problems(problems).into());
        }
        Denied::InsufficientScope { .. } => (403, "Forbidden", "a permission is lacking"),
        Denied::Forbidden(_) | Denied::UnauthorizedClient => {
            (403, "Forbidden", "this is not allowed")
        }
        Denied::SecretFromBrowser => (
            403,
            "SecretFromBrowser",
            "a secret credential came from a browser: replace it",
        ),
        Denied::Unapproved(_) | Denied::WrongPin { .. } => UNAPPROVED,
        Denied::UnsupportedGrantType => (400, "BadRequest", "unsupported grant type"),
        Denied::InvalidScope => (400, "BadRequest", "invalid scope"),
        Denied::InvalidTarget => (400, "BadRequest", "invalid resource"),
        Denied::NotFound { noun } => {
            return (404, "NotFound", format!("there is no such {noun}").into());
        }
        Denied::Conflict(what) => (409, "Conflict", *what),
        Denied::SecretAlreadyShown => (409, "Conflict", "the secret was shown before"),
        Denied::PreconditionFailed => (412, "PreconditionFailed", "it has changed"),
        Denied::PreconditionRequired => (428, "PreconditionRequired", "If-Match is needed"),
        Denied::IdempotencyMismatch => (
            422,
            "UnprocessableEntity",
            "the idempotency key was used for another request",
        ),
        Denied::TooManyRequests { .. } => (429, "TooManyRequests", "too many requests"),
        Denied::UnknownHost => (421, "MisdirectedRequest", "unknown host"),
        Denied::MethodNotAllowed { .. } => (405, "MethodNotAllowed", "method not allowed"),
        Denied::UnsupportedMediaType { .. } => {
            (415, "UnsupportedMediaType", "unsupported media type")
        }
        Denied::BodyTooLarge { .. } => (413, "PayloadTooLarge", "the request is too large"),
    };
    (status, name, message.into())
}

/// The answer to a refusal, with everything its status demands.
pub fn refuse(refusal: &Refusal, context: &CallContext) -> Response {
    let (status, name, message) = row(refusal);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = ErrorBody {
        error: ErrorMembers {
            status_code: status.as_u16(),
            name,
            message,
        },
    };
    let mut response = headers::json(status, media::JSON, &body);
    headers::add_refusal(&mut response, refusal);
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110 section 15.5.2 wants a challenge with every 401; what a login gives is a bearer.
        if matches!(refusal, Refusal::Denied(Denied::InvalidClient(_))) {
            headers::add_challenge(&mut response, "Bearer", &headers::realm(context));
        } else {
            let error = oauth_error::at_resource(refusal);
            oauth_error::add_bearer_challenge(&mut response, &error, refusal, context);
        }
    }
    response
}
