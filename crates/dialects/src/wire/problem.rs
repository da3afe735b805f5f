//! Problem details (RFC 9457), for APIs that are not OAuth's.

use super::{describe, headers};
use crate::Response;
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Problem, Refusal, Unapproved},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The body of a refusal (RFC 9457 section 3).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProblemBody {
    /// What kind of problem it is: `urn:countersign:problem:` and a word that never changes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words, the same for every problem of the kind.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// This problem in words.
    pub detail: Cow<'static, str>,
    /// The request's id, as in the audit log.
    pub instance: String,
    /// For `invalid-request`: each wrong member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<MemberProblem>,
    /// For `approval-required`: what is waited for.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingApproval>,
}

/// An approval that a request waits for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WaitingApproval {
    /// Its identifier: the same request passes once with it in `Countersign-Approval`.
    pub approval: String,
    /// Where its state can be asked for; also in `Location`.
    pub poll: String,
    /// What people are shown on their phones too, to be compared.
    pub code: String,
    /// Until when people can answer (RFC 3339).
    pub expires_at: String,
}

/// One wrong member.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct MemberProblem {
    /// Which: `guards[2].paths[0]`, a header, a query parameter, or `body`.
    pub field: String,
    /// The kind of problem: `missing`, `repeated`, `expected`, `too_long`, `unknown_member`, `no_such` or `still_named`.
    pub code: Cow<'static, str>,
    /// The problem in words.
    pub detail: String,
}

/// The table: every refusal, for a face whose callers show bearers. The status, and the last part of `type`.
pub const fn row(refusal: &Refusal) -> (u16, &'static str) {
    let denied = match refusal {
        Refusal::Fault(Fault::Unavailable(_)) => return (503, "unavailable"),
        Refusal::Fault(Fault::Internal(_)) => return (500, "internal-error"),
        Refusal::Denied(denied) => denied,
    };
    match denied {
        Denied::NoCredential => (401, "no-credential"),
        Denied::MalformedCredential(_) => (401, "malformed-credential"),
        Denied::InvalidClient(_) | Denied::InvalidToken(_) => (401, "invalid-credential"),
        Denied::InsufficientScope { .. } => (403, "insufficient-scope"),
        Denied::Forbidden(_) => (403, "forbidden"),
        Denied::SecretFromBrowser => (403, "secret-from-browser"),
        Denied::Unapproved(why) => (403, unapproved(why)),
        Denied::WrongPin { .. } => (403, "wrong-pin"),
        Denied::Invalid(_) => (400, "invalid-request"),
        Denied::UnsupportedGrantType => (400, "unsupported-grant-type"),
        Denied::UnauthorizedClient => (403, "unauthorized-client"),
        Denied::InvalidScope => (400, "invalid-scope"),
        Denied::InvalidTarget => (400, "invalid-target"),
        Denied::NotFound { .. } => (404, "not-found"),
        Denied::Conflict(_) => (409, "conflict"),
        Denied::PreconditionFailed => (412, "precondition-failed"),
        Denied::PreconditionRequired => (428, "precondition-required"),
        Denied::SecretAlreadyShown => (409, "secret-already-shown"),
        Denied::IdempotencyMismatch => (422, "idempotency-mismatch"),
        Denied::TooManyRequests { .. } => (429, "too-many-requests"),
        Denied::UnknownHost => (421, "unknown-host"),
        Denied::MethodNotAllowed { .. } => (405, "method-not-allowed"),
        Denied::UnsupportedMediaType { .. } => (415, "unsupported-media-type"),
        Denied::BodyTooLarge { .. } => (413, "body-too-large"),
    }
}

/// The problem in words. Of a fault's detail nothing leaves.
pub fn detail(refusal: &Refusal) -> Cow<'static, str> {
    let denied = match refusal {
        Refusal::Fault(Fault::Unavailable(_)) => return "Try again.".into(),
        Refusal::Fault(Fault::Internal(_)) => return "Something went wrong here.".into(),
        Refusal::Denied(denied) => denied,
    };
    match denied {
        Denied::NoCredential => "Authenticate with a bearer token.".into(),
        Denied::MalformedCredential(_) => {
            "The credential is malformed, shown twice, or one of several.".into()
        }
        Denied::InvalidClient(_) | Denied::InvalidToken(_) => "The credential is not valid.".into(),
        Denied::InsufficientScope { needed } => format!("Needed: {needed}.").into(),
        Denied::Forbidden(_) => "This is not allowed.".into(),
        Denied::SecretFromBrowser => {
            "A secret credential must not be used in a browser; replace it.".into()
        }
        Denied::Unapproved(why) => in_words(why).into(),
        Denied::WrongPin { tries_left: 0 } => {
            "The PIN is wrong, and the device is locked now.".into()
        }
        Denied::WrongPin { tries_left } => {
            format!("The PIN is wrong. Tries left: {tries_left}.").into()
        }
        Denied::Invalid(problems) => describe::problems(problems).into(),
        Denied::UnsupportedGrantType => "This grant type is not supported.".into(),
        Denied::UnauthorizedClient => "This client may not use this grant.".into(),
        Denied::InvalidScope => "The scope is malformed, or more than may be had.".into(),
        Denied::InvalidTarget => "The resource is malformed, or not for this client.".into(),
        Denied::NotFound { noun } => format!("There is no such {noun}.").into(),
        Denied::Conflict(what) => (*what).into(),
        Denied::PreconditionFailed => "It has changed since it was read: read it again.".into(),
        Denied::PreconditionRequired => "A change needs If-Match with the ETag.".into(),
        Denied::SecretAlreadyShown => {
            "This was created by an earlier request; its secret is not told again.".into()
        }
        Denied::IdempotencyMismatch => "The idempotency key was used for another request.".into(),
        Denied::TooManyRequests { retry_after_s } => {
            format!("Try again in {retry_after_s} s.").into()
        }
        Denied::UnknownHost => "No environment lists this host.".into(),
        Denied::MethodNotAllowed { allow } => format!("Allowed: {allow}.").into(),
        Denied::UnsupportedMediaType { expected } => {
            format!("The body must be {expected}, not compressed.").into()
        }
        Denied::BodyTooLarge { limit_bytes } => {
            format!("The body is larger than {limit_bytes} bytes.").into()
        }
    }
}

/// Why a countersigned request does not pass, as the last part of `type`.
const fn unapproved(why: &Unapproved) -> &'static str {
    match why {
        Unapproved::Waiting { .. } => "approval-required",
        Unapproved::Rejected => "approval-rejected",
        Unapproved::Expired => "approval-expired",
        Unapproved::Used => "approval-used",
        Unapproved::Mismatch => "approval-mismatch",
        Unapproved::NoApprover => "no-approver",
        Unapproved::TooManyWaiting => "too-many-approvals",
    }
}

const fn in_words(why: &Unapproved) -> &'static str {
    match why {
        Unapproved::Waiting { .. } => {
            "A person has to approve this request. Ask for its state at the poll address; once it is approved, send the same request again with Countersign-Approval."
        }
        Unapproved::Rejected => "A person rejected this request.",
        Unapproved::Expired => {
            "Nobody approved in time. Send the request without Countersign-Approval to ask again."
        }
        Unapproved::Used => "This approval has let a request pass; it is good once.",
        Unapproved::Mismatch => {
            "There is no such approval for this request: another caller, target or body was approved."
        }
        Unapproved::NoApprover => {
            "Nobody could approve this request: no device is linked to whoever may."
        }
        Unapproved::TooManyWaiting => "So many requests wait for the same people already.",
    }
}

/// `not-found` as `Not found`.
fn title(slug: &str) -> String {
    let mut words = slug.replace('-', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The body of a refusal, of this status and kind.
pub fn body(
    status: u16,
    slug: &str,
    detail: Cow<'static, str>,
    refusal: &Refusal,
    context: &CallContext,
) -> ProblemBody {
    ProblemBody {
        kind: format!("urn:countersign:problem:{slug}"),
        title: title(slug),
        status,
        detail,
        instance: context.request_id.to_string(),
        errors: members(refusal),
        waiting: waiting(refusal),
    }
}

/// The answer to a refusal, with everything its status demands.
pub fn refuse(refusal: &Refusal, context: &CallContext) -> Response {
    let (status, slug) = row(refusal);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = body(status.as_u16(), slug, detail(refusal), refusal, context);
    let mut response = headers::json(status, PROBLEM_JSON, &body);
    headers::add_refusal(&mut response, refusal);
    if status == StatusCode::UNAUTHORIZED {
        let mut parameters = "realm=\"admin\"".to_owned();
        if !matches!(refusal, Refusal::Denied(Denied::NoCredential)) {
            parameters.push_str(", error=\"invalid_token\"");
        }
        headers::add_challenge(&mut response, "Bearer", &parameters);
    }
    response
}

fn waiting(refusal: &Refusal) -> Option<WaitingApproval> {
    let Refusal::Denied(Denied::Unapproved(why)) = refusal else {
        return None;
    };
    let Unapproved::Waiting {
        approval,
        poll,
        otp,
        expires_at,
    } = &**why
    else {
        return None;
    };
    Some(WaitingApproval {
        approval: approval.to_string(),
        poll: poll.clone(),
        code: otp.clone(),
        expires_at: expires_at.rfc3339(),
    })
}

fn members(refusal: &Refusal) -> Vec<MemberProblem> {
    let told = |problem: &Problem| MemberProblem {
        field: describe::plain(&problem.field),
        code: describe::code(&problem.kind).into(),
        detail: describe::problem(problem),
    };
    match refusal {
        Refusal::Denied(Denied::Invalid(problems)) => problems.iter().map(told).collect(),
        _ => Vec::new(),
    }
}
