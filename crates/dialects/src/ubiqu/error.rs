//! What Ubiqu's callers are told. The tutorial prints no error. Clients of v1 take a body with `errors` for one and
//! look at nothing else, so that both flavours have it.

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

/// The body of a refusal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Errors")]
pub struct ErrorBody {
    /// What is wrong: one, or one for each member of the body.
    pub errors: Vec<ErrorMembers>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub struct ErrorMembers {
    /// The kind of error, for programs.
    pub code: &'static str,
    /// What is wrong, in words.
    pub message: Cow<'static, str>,
}

/// Members of a body that are named: more than any body of ours has.
const NAMED_MAX: usize = 8;

/// The table: every refusal, its status, its code, and what is said.
pub fn row(refusal: &Refusal) -> (u16, &'static str, Cow<'static, str>) {
    let denied = match refusal {
        Refusal::Fault(Fault::Unavailable(_)) => {
            return (503, "unavailable", "try again in a moment".into());
        }
        Refusal::Fault(Fault::Internal(_)) => {
            return (500, "internal", "something went wrong here".into());
        }
        Refusal::Denied(denied) => denied,
    };
    let (status, code, message) = match denied {
        Denied::NoCredential => (401, "unauthorized", "X-Api-Key is needed"),
        Denied::InvalidToken(_) | Denied::InvalidClient(_) => {
            (401, "unauthorized", "the API key is not valid")
        }
        Denied::MalformedCredential(how) => malformed(*how),
        Denied::Invalid(problems) => {
            return (400, "invalid", describe::problems(problems).into());
        }
        Denied::InsufficientScope { .. } => (403, "forbidden", "a permission is lacking"),
        Denied::Forbidden(_) | Denied::UnauthorizedClient => {
            (403, "forbidden", "this is not allowed")
        }
        Denied::SecretFromBrowser => (
            403,
            "secret_from_browser",
            "a secret credential came from a browser: replace it",
        ),
        Denied::Unapproved(_) => (403, "unapproved", "a person has to approve this first"),
        Denied::WrongPin { .. } => (403, "wrong_pin", "the PIN is wrong"),
        Denied::UnsupportedGrantType => (400, "invalid", "unsupported grant type"),
        Denied::InvalidScope => (400, "invalid", "invalid scope"),
        Denied::InvalidTarget => (400, "invalid", "invalid resource"),
        Denied::NotFound { noun } => {
            return (404, "not_found", format!("there is no such {noun}").into());
        }
        Denied::Conflict(what) => (409, "conflict", *what),
        Denied::SecretAlreadyShown => (409, "conflict", "the secret was shown before"),
        Denied::PreconditionFailed => (412, "changed", "it has changed"),
        Denied::PreconditionRequired => (428, "if_match", "If-Match is needed"),
        Denied::IdempotencyMismatch => (
            422,
            "idempotency",
            "the idempotency key was used for another request",
        ),
        Denied::TooManyRequests { .. } => (429, "too_many_requests", "too many requests"),
        Denied::UnknownHost => (421, "unknown_host", "unknown host"),
        Denied::MethodNotAllowed { .. } => (405, "method", "the method is not allowed here"),
        Denied::UnsupportedMediaType { .. } => {
            (415, "media_type", "the body must be JSON, not compressed")
        }
        Denied::BodyTooLarge { .. } => (413, "too_large", "the body is too large"),
    };
    (status, code, message.into())
}

const fn malformed(how: Malformed) -> (u16, &'static str, &'static str) {
    match how {
        Malformed::Form | Malformed::TooLong | Malformed::Unaccepted => {
            (401, "unauthorized", "the API key is not valid")
        }
        Malformed::Repeated | Malformed::Two => (400, "ambiguous", "more than one credential"),
        Malformed::Place => (400, "ambiguous", "a secret must not be in the URL"),
        Malformed::Request => (400, "ambiguous", "the request has no single reading"),
    }
}

fn body(refusal: &Refusal, code: &'static str, message: Cow<'static, str>) -> ErrorBody {
    let errors = match refusal {
        Refusal::Denied(Denied::Invalid(problems)) if !problems.is_empty() => {
            let problems = problems.iter().take(NAMED_MAX);
            let told = problems.map(|problem| ErrorMembers {
                code: describe::code(&problem.kind),
                message: describe::problem(problem).into(),
            });
            told.collect()
        }
        _ => vec![ErrorMembers { code, message }],
    };
    ErrorBody { errors }
}

fn unchallenged(refusal: &Refusal) -> Response {
    let (status, code, message) = row(refusal);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = headers::json(status, media::JSON, &body(refusal, code, message));
    headers::add_refusal(&mut response, refusal);
    response
}

/// The answer to a refusal at one of the dialect's own routes. RFC 9110 section 15.5.2 wants a challenge with every
/// 401; no registered scheme is for a key in a header of its own.
pub(super) fn refuse(refusal: &Refusal, context: &CallContext) -> Response {
    let mut response = unchallenged(refusal);
    if response.status() == StatusCode::UNAUTHORIZED {
        headers::add_challenge(&mut response, "ApiKey", &headers::realm(context));
    }
    response
}

/// The same at a guard, where keys and tokens are bearers.
pub fn refuse_at_guard(refusal: &Refusal, context: &CallContext) -> Response {
    let mut response = unchallenged(refusal);
    if response.status() == StatusCode::UNAUTHORIZED {
        let error = oauth_error::at_resource(refusal);
        oauth_error::add_bearer_challenge(&mut response, &error, refusal, context);
    }
    response
}
