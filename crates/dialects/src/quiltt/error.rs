//! What Quiltt's callers are told: `{"message","instruction"}`, and for a validation error an object of the members
//! that are wrong.

use super::{Version, version};
use crate::{
    Response,
    wire::{describe, headers, media, oauth_error},
};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Malformed, Problem, ProblemKind, Refusal},
    global_id,
};
use http::{HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The body of an error, but for validation errors.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Error")]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// What is wrong, in a few words.
    pub message: Cow<'static, str>,
    /// What to do about it.
    pub instruction: Cow<'static, str>,
    /// Names the error for questions about it; with 5xx only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub error_id: Option<String>,
}

/// The credential that a route or guard expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// An API key secret: the environment scope.
    ApiKey,
    /// A session token: the profile scope.
    Session,
    /// A passcode.
    Passcode,
    /// It is not known here which of them.
    Any,
}

impl Expected {
    const fn instruction(self) -> &'static str {
        match self {
            Self::ApiKey => "Is a valid API Key secret in the `Authorization` header, as Bearer?",
            Self::Session => {
                "Is a valid, unexpired Session token in the `Authorization` header, as Bearer?"
            }
            Self::Passcode => {
                "Is it the passcode of the last e-mail, and not older than ten minutes?"
            }
            Self::Any => {
                "Is a valid credential in the `Authorization` header: an API Key secret for the environment, a \
                 Session token (or Basic with Profile ID and API Key secret) for a profile?"
            }
        }
    }
}

/// Refuse at a guard, and what reaches no route.
pub fn refuse_at_guard(refusal: &Refusal, context: &CallContext) -> Response {
    let mut response = refuse(refusal, Expected::Any, context);
    let newest = HeaderValue::from_static(Version::NEWEST.name());
    response.headers_mut().insert(version::HEADER, newest);
    response
}

/// Refuse in the words of a route that expects this credential.
pub(super) fn refuse(refusal: &Refusal, expected: Expected, context: &CallContext) -> Response {
    let mut response = match refusal {
        Refusal::Denied(Denied::Invalid(problems)) if problems.iter().all(is_member) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            headers::json(status, media::JSON, &validation(problems))
        }
        other => {
            let (status, body) = envelope(other, expected, context);
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            headers::json(status, media::JSON, &body)
        }
    };
    headers::add_refusal(&mut response, refusal);
    let error = oauth_error::at_resource(refusal);
    if response.status() == StatusCode::UNAUTHORIZED {
        oauth_error::add_bearer_challenge(&mut response, &error, refusal, context);
    }
    response
}

fn envelope(refusal: &Refusal, expected: Expected, context: &CallContext) -> (u16, ErrorBody) {
    let (status, message, instruction) = told(refusal, expected);
    let body = ErrorBody {
        message: message.into(),
        instruction,
        error_id: (status >= 500).then(|| {
            let names = [context.request_id.as_str()];
            global_id::standing_for("error", &names).to_string()
        }),
    };
    (status, body)
}

/// The table.
fn told(refusal: &Refusal, expected: Expected) -> (u16, &'static str, Cow<'static, str>) {
    match refusal {
        Refusal::Fault(Fault::Unavailable(_)) => {
            (503, "Service Unavailable", "Try again in a moment.".into())
        }
        Refusal::Fault(Fault::Internal(_)) => {
            let instruction = "It is our mistake. Ask with the errorId.";
            (500, "Internal Server Error", instruction.into())
        }
        Refusal::Denied(denied) => told_denied(denied, expected),
    }
}

fn told_malformed(how: Malformed, expected: Expected) -> (u16, &'static str, &'static str) {
    match how {
        Malformed::Form | Malformed::TooLong | Malformed::Unaccepted => {
            (401, "Not Authenticated", expected.instruction())
        }
        Malformed::Repeated | Malformed::Two => (400, "Bad Request", "Send one credential."),
        Malformed::Place => (400, "Bad Request", "Take the secret out of the URL."),
        Malformed::Request => (400, "Bad Request", "Send a request that has one reading."),
    }
}

fn told_denied(denied: &Denied, expected: Expected) -> (u16, &'static str, Cow<'static, str>) {
    let (status, message, instruction) = match denied {
        Denied::NoCredential | Denied::InvalidClient(_) | Denied::InvalidToken(_) => {
            (401, "Not Authenticated", expected.instruction())
        }
        Denied::MalformedCredential(how) => told_malformed(*how, expected),
        Denied::Invalid(problems) => {
            return (400, "Bad Request", describe::problems(problems).into());
        }
        Denied::InsufficientScope { .. } => (
            403,
            "Forbidden",
            "Use a credential with the scopes that this needs.",
        ),
        Denied::Forbidden(_) | Denied::UnauthorizedClient => (
            403,
            "Forbidden",
            "This is not allowed to this credential, or to anyone.",
        ),
        Denied::SecretFromBrowser => (
            403,
            "Forbidden",
            "An API Key secret never belongs in a browser: use a Session token.",
        ),
        Denied::Unapproved(_) | Denied::WrongPin { .. } => {
            (403, "Forbidden", "A person has to approve this first.")
        }
        Denied::UnsupportedGrantType | Denied::InvalidScope | Denied::InvalidTarget => {
            (400, "Bad Request", "Ask for what this API has.")
        }
        Denied::NotFound { .. } => (
            404,
            "Not Found",
            "Is the path right, and the identifier one of yours?",
        ),
        Denied::Conflict(why) => return (409, "Conflict", (*why).into()),
        Denied::SecretAlreadyShown => (409, "Conflict", "The secret was shown already."),
        Denied::PreconditionFailed => {
            (412, "Precondition Failed", "Read it again, then change it.")
        }
        Denied::PreconditionRequired => (428, "Precondition Required", "Send `If-Match`."),
        Denied::IdempotencyMismatch => (409, "Conflict", "Use another idempotency key."),
        Denied::TooManyRequests { .. } => (
            429,
            "Too Many Requests",
            "Wait as long as `Retry-After` says, or revoke sessions that are not needed.",
        ),
        Denied::UnknownHost => (421, "Misdirected Request", "Send it to a host of this API."),
        Denied::MethodNotAllowed { .. } => (
            405,
            "Method Not Allowed",
            "Use a method that `Allow` names.",
        ),
        Denied::UnsupportedMediaType { .. } => (
            415,
            "Unsupported Media Type",
            "Send JSON with `Content-Type: application/json`, not compressed.",
        ),
        Denied::BodyTooLarge { .. } => (413, "Payload Too Large", "Send a smaller body."),
    };
    (status, message, instruction.into())
}

/// Whether it is a member of a body, and not the body itself, a header or a parameter.
fn is_member(problem: &Problem) -> bool {
    let field = problem.field.as_str();
    let is_elsewhere = field.starts_with(|c: char| c.is_ascii_uppercase())
        || ["body", "page", "limit", "items", "profile", "subscription"].contains(&field);
    !is_elsewhere
}

fn validation(problems: &[Problem]) -> Value {
    let mut members: Map<String, Value> = Map::new();
    for problem in problems {
        let texts = members
            .entry(camel(&describe::plain(&problem.field)))
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(texts) = texts {
            texts.push(text(&problem.kind).into());
        }
    }
    members.into()
}

/// As Quiltt spells a member: `dateOfBirth`, `address.countryCode`; what a list's element lacks, its list lacks.
fn camel(field: &str) -> String {
    let list = field.split('[').next().unwrap_or(field);
    if list == "id" {
        return "uuid".into();
    }
    let mut spelled = String::with_capacity(list.len());
    let mut after_underscore = false;
    for letter in list.chars() {
        match (letter, after_underscore) {
            ('_', _) => after_underscore = true,
            (letter, true) => {
                spelled.push(letter.to_ascii_uppercase());
                after_underscore = false;
            }
            (letter, false) => spelled.push(letter),
        }
    }
    spelled
}

/// What is wrong, as the end of a sentence that the member begins.
fn text(kind: &ProblemKind) -> String {
    let plain = describe::plain;
    match kind {
        ProblemKind::Missing => "is missing".into(),
        ProblemKind::Repeated => "is given more than once".into(),
        ProblemKind::Expected(what) => format!("must be {what}"),
        ProblemKind::TooLong { max } => format!("is longer than {max}"),
        ProblemKind::UnknownMember => "is not known".into(),
        ProblemKind::NoSuch => "names nothing that exists".into(),
        ProblemKind::StillNamed { guard, what } => {
            format!("is still named by {} for {}", plain(guard), plain(what))
        }
    }
}
