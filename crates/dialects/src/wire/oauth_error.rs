//! What OAuth callers are told: one table for endpoints where clients authenticate (RFC 6749 section 5.2), one
//! for protected resources (RFC 6750 section 3). Reasons stay private: all of a kind read alike.

use super::{describe, headers};
use crate::Response;
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Malformed, Refusal},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// The status.
    pub status: StatusCode,
    /// The `error` member.
    pub code: &'static str,
    /// The `error_description` member, in RFC 6749 section 5.2's characters.
    pub description: Cow<'static, str>,
}

/// The body of an OAuth error (RFC 6749 section 5.2).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// The error code.
    pub error: Cow<'static, str>,
    /// What is wrong, for the developer who reads it.
    pub error_description: Cow<'static, str>,
}

fn row(status: StatusCode, code: &'static str, text: impl Into<Cow<'static, str>>) -> OAuthError {
    OAuthError {
        status,
        code,
        description: text.into(),
    }
}

/// The table of RFC 6749 section 5.2. What that section has no code for (statuses beside 400 and 401) takes the
/// nearest registered one.
pub fn at_client_endpoint(refusal: &Refusal) -> OAuthError {
    const CLIENT: &str = "Client authentication failed.";
    let denied = match refusal {
        Refusal::Fault(fault) => return of_fault(fault),
        Refusal::Denied(denied) => denied,
    };
    let (status, code, text) = match denied {
        Denied::NoCredential => (401, "invalid_client", "The client must authenticate."),
        Denied::InvalidClient(_) | Denied::InvalidToken(_) => (401, "invalid_client", CLIENT),
        Denied::MalformedCredential(
            Malformed::Form | Malformed::TooLong | Malformed::Unaccepted,
        ) => (
            401,
            "invalid_client",
            "The client's credential is malformed.",
        ),
        Denied::MalformedCredential(Malformed::Repeated) => (400, "invalid_request", REPEATED),
        Denied::MalformedCredential(Malformed::Two) => (400, "invalid_request", TWO),
        Denied::MalformedCredential(Malformed::Place) => (400, "invalid_request", PLACE),
        Denied::MalformedCredential(Malformed::Request) => (400, "invalid_request", REQUEST),
        Denied::Forbidden(_) => (403, "access_denied", FORBIDDEN),
        Denied::SecretFromBrowser => (403, "access_denied", BROWSER),
        Denied::Unapproved(_) | Denied::WrongPin { .. } => (403, "access_denied", UNAPPROVED),
        Denied::Invalid(problems) => {
            return row(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                describe::problems(problems),
            );
        }
        Denied::UnsupportedGrantType => (
            400,
            "unsupported_grant_type",
            "This grant type is not supported.",
        ),
        Denied::UnauthorizedClient => (
            400,
            "unauthorized_client",
            "This client may not use this grant.",
        ),
        Denied::InvalidScope | Denied::InsufficientScope { .. } => (
            400,
            "invalid_scope",
            "The scope is malformed, or more than this client may have.",
        ),
        Denied::InvalidTarget => (
            400,
            "invalid_target",
            "The resource is malformed, or not for this client.",
        ),
        Denied::NotFound { .. }
        | Denied::Conflict(_)
        | Denied::PreconditionFailed
        | Denied::PreconditionRequired
        | Denied::SecretAlreadyShown
        | Denied::IdempotencyMismatch
        | Denied::TooManyRequests { .. }
        | Denied::UnknownHost
        | Denied::MethodNotAllowed { .. }
        | Denied::UnsupportedMediaType { .. }
        | Denied::BodyTooLarge { .. } => return of_http(denied),
    };
    row(code_of(status), code, text)
}

/// The table of RFC 6750 section 3.1.
pub fn at_resource(refusal: &Refusal) -> OAuthError {
    const TOKEN: &str = "The access token is not valid.";
    let denied = match refusal {
        Refusal::Fault(fault) => return of_fault(fault),
        Refusal::Denied(denied) => denied,
    };
    let (status, code, text) = match denied {
        Denied::NoCredential => (401, "missing_token", "This request needs an access token."),
        Denied::InvalidToken(_)
        | Denied::InvalidClient(_)
        | Denied::MalformedCredential(Malformed::TooLong | Malformed::Unaccepted) => {
            (401, "invalid_token", TOKEN)
        }
        Denied::MalformedCredential(Malformed::Form) => {
            (400, "invalid_request", "The credential is malformed.")
        }
        Denied::MalformedCredential(Malformed::Repeated) => (400, "invalid_request", REPEATED),
        Denied::MalformedCredential(Malformed::Two) => (400, "invalid_request", TWO),
        Denied::MalformedCredential(Malformed::Place) => (400, "invalid_request", PLACE),
        Denied::MalformedCredential(Malformed::Request) => (400, "invalid_request", REQUEST),
        Denied::InsufficientScope { .. } => (
            403,
            "insufficient_scope",
            "The access token does not have the needed scope.",
        ),
        Denied::Forbidden(_) | Denied::UnauthorizedClient => (403, "access_denied", FORBIDDEN),
        Denied::SecretFromBrowser => (403, "access_denied", BROWSER),
        Denied::Unapproved(_) | Denied::WrongPin { .. } => (403, "access_denied", UNAPPROVED),
        Denied::Invalid(problems) => {
            return row(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                describe::problems(problems),
            );
        }
        Denied::UnsupportedGrantType => (400, "invalid_request", "Not supported here."),
        Denied::InvalidScope => (400, "invalid_request", "The scope is not valid."),
        Denied::InvalidTarget => (400, "invalid_request", "The resource is not valid."),
        Denied::NotFound { .. }
        | Denied::Conflict(_)
        | Denied::PreconditionFailed
        | Denied::PreconditionRequired
        | Denied::SecretAlreadyShown
        | Denied::IdempotencyMismatch
        | Denied::TooManyRequests { .. }
        | Denied::UnknownHost
        | Denied::MethodNotAllowed { .. }
        | Denied::UnsupportedMediaType { .. }
        | Denied::BodyTooLarge { .. } => return of_http(denied),
    };
    row(code_of(status), code, text)
}

const REPEATED: &str = "A credential is given more than once.";
const TWO: &str = "More than one credential is shown.";
const PLACE: &str = "A secret must not be part of the URL.";
const REQUEST: &str = "The request is malformed.";
const FORBIDDEN: &str = "This is not allowed.";
const UNAPPROVED: &str = "A person has to approve this first.";
const BROWSER: &str = "A secret credential must not be used in a browser; replace it.";

/// What the RFCs leave to HTTP, the same on both faces.
fn of_http(denied: &Denied) -> OAuthError {
    let (status, code, text) = match denied {
        Denied::NotFound { noun } => {
            let text = format!("There is no such {noun}.");
            return row(StatusCode::NOT_FOUND, "invalid_request", text);
        }
        Denied::UnsupportedMediaType { expected } => {
            let text = format!("The body must be {expected}, not compressed.");
            return row(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request", text);
        }
        Denied::BodyTooLarge { limit_bytes } => {
            let text = format!("The body is larger than {limit_bytes} bytes.");
            return row(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", text);
        }
        Denied::TooManyRequests { .. } => (429, "temporarily_unavailable", "Too many requests."),
        Denied::UnknownHost => (421, "invalid_request", "No environment lists this host."),
        Denied::MethodNotAllowed { .. } => {
            (405, "invalid_request", "The method is not allowed here.")
        }
        Denied::PreconditionFailed => (412, "invalid_request", "It has changed since it was read."),
        Denied::PreconditionRequired => (428, "invalid_request", "A change needs If-Match."),
        Denied::IdempotencyMismatch => (
            422,
            "invalid_request",
            "The idempotency key was used for another request.",
        ),
        Denied::SecretAlreadyShown => (409, "invalid_request", "The secret was already shown."),
        Denied::Conflict(why) => {
            let text = format!("It conflicts with what exists: {why}.");
            return row(StatusCode::CONFLICT, "invalid_request", text);
        }
        // Each face has its own row for these: they do not come here.
        Denied::NoCredential
        | Denied::MalformedCredential(_)
        | Denied::InvalidClient(_)
        | Denied::InvalidToken(_)
        | Denied::InsufficientScope { .. }
        | Denied::Forbidden(_)
        | Denied::Invalid(_)
        | Denied::UnsupportedGrantType
        | Denied::UnauthorizedClient
        | Denied::InvalidScope
        | Denied::InvalidTarget
        | Denied::SecretFromBrowser
        | Denied::Unapproved(_)
        | Denied::WrongPin { .. } => (400, "invalid_request", REQUEST),
    };
    row(code_of(status), code, text)
}

/// Nothing of a fault's detail leaves.
fn of_fault(fault: &Fault) -> OAuthError {
    match fault {
        Fault::Unavailable(_) => row(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "Not available now; try again.",
        ),
        Fault::Internal(_) => row(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Something went wrong here.",
        ),
    }
}

fn code_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The answer of an endpoint where clients authenticate: RFC 6749 section 5.2. Every 401 has a challenge, as
/// RFC 9110 section 15.5.2 demands.
pub fn refuse_at_client_endpoint(refusal: &Refusal, context: &CallContext) -> Response {
    let error = at_client_endpoint(refusal);
    let mut response = with_body(&error, refusal);
    add_client_challenge(&mut response, context);
    response
}

/// Add the challenge of an endpoint where clients authenticate, if `response` is a 401.
pub fn add_client_challenge(response: &mut Response, context: &CallContext) {
    if response.status() == StatusCode::UNAUTHORIZED {
        let parameters = format!("{}, charset=\"UTF-8\"", headers::realm(context));
        headers::add_challenge(response, "Basic", &parameters);
    }
}

/// The answer of a protected resource: RFC 6750 section 3.
pub fn refuse_at_resource(refusal: &Refusal, context: &CallContext) -> Response {
    let error = at_resource(refusal);
    let mut response = with_body(&error, refusal);
    add_bearer_challenge(&mut response, &error, refusal, context);
    response
}

/// Bytes of scopes that a challenge names: more would not fit what proxies reserve for headers.
const CHALLENGE_SCOPE_BYTES_MAX: usize = 1024;

/// Add the challenge of RFC 6750 section 3 where the status or the code asks for one. A caller who showed nothing
/// gets no error code.
pub fn add_bearer_challenge(
    response: &mut Response,
    error: &OAuthError,
    refusal: &Refusal,
    context: &CallContext,
) {
    let names_error = matches!(error.code, "invalid_token" | "insufficient_scope");
    if response.status() != StatusCode::UNAUTHORIZED && !names_error {
        return;
    }
    let mut parameters = headers::realm(context);
    if names_error {
        let described = format!(
            ", error=\"{}\", error_description=\"{}\"",
            error.code, error.description
        );
        parameters.push_str(&described);
    }
    if let Refusal::Denied(Denied::InsufficientScope { needed }) = refusal {
        let scope = needed.to_string();
        if scope.len() <= CHALLENGE_SCOPE_BYTES_MAX {
            parameters.push_str(&format!(", scope=\"{scope}\""));
        }
    }
    headers::add_challenge(response, "Bearer", &parameters);
}

/// The body and its headers, without a challenge.
pub(crate) fn with_body(error: &OAuthError, refusal: &Refusal) -> Response {
    let body = ErrorBody {
        error: error.code.into(),
        error_description: error.description.clone(),
    };
    let mut response = headers::json(error.status, super::media::JSON, &body);
    headers::add_refusal(&mut response, refusal);
    response
}
