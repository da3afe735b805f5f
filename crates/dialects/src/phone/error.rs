//! What devices are told: problems (RFC 9457), with the words that their owners need.

use crate::{
    Response,
    wire::{
        headers,
        problem::{self, PROBLEM_JSON, ProblemBody},
    },
};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Reason, Refusal, Unapproved},
};
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What has to be signed, and how (RFC 9421 section 5.1).
const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("accept-signature");
const ACCEPTED: HeaderValue = HeaderValue::from_static(
    r#"countersign=("@method" "@authority" "@request-target" "content-digest");created;nonce;keyid;alg="ecdsa-p256-sha256""#,
);

/// The body of a refusal.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct PhoneProblem {
    /// What every problem has.
    #[serde(flatten)]
    pub problem: ProblemBody,
    /// For `wrong-pin`: how many more are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u8>,
}

/// The status, the last part of `type`, and the problem in words.
fn told(refusal: &Refusal) -> (u16, &'static str, std::borrow::Cow<'static, str>) {
    match refusal {
        Refusal::Denied(Denied::NoCredential) => (
            401,
            "no-credential",
            "Sign the request with the device's key.".into(),
        ),
        Refusal::Denied(Denied::MalformedCredential(_)) => (
            401,
            "malformed-credential",
            "The signature is not in the one form that is taken, or not of this body.".into(),
        ),
        Refusal::Denied(Denied::InvalidToken(_) | Denied::InvalidClient(_)) => (
            401,
            "invalid-credential",
            "The device is not known here, its clock is wrong, or the signature is.".into(),
        ),
        Refusal::Denied(Denied::Forbidden(Reason::Locked)) => (
            403,
            "device-locked",
            "Too many wrong PINs: an operator can unlock this device.".into(),
        ),
        Refusal::Denied(Denied::Unapproved(why)) if matches!(**why, Unapproved::Expired) => (
            410,
            "approval-expired",
            "It was too late for an answer.".into(),
        ),
        other => {
            let (status, slug) = problem::row(other);
            (status, slug, problem::detail(other))
        }
    }
}

/// Refuse.
pub fn refuse(refusal: &Refusal, context: &CallContext) -> Response {
    let (status, slug, detail) = told(refusal);
    let body = PhoneProblem {
        problem: problem::body(status, slug, detail, refusal, context),
        tries_left: match refusal {
            Refusal::Denied(Denied::WrongPin { tries_left }) => Some(*tries_left),
            _ => None,
        },
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = headers::json(status, PROBLEM_JSON, &body);
    headers::add_refusal(&mut response, refusal);
    if status == StatusCode::UNAUTHORIZED {
        headers::add_challenge(&mut response, "Signature", &headers::realm(context));
    }
    response
}

/// Refuse at a route, and say there what has to be signed: a gateway passes no such header on.
pub fn refuse_at_route(refusal: &Refusal, context: &CallContext) -> Response {
    let mut response = refuse(refusal, context);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(ACCEPT_SIGNATURE, ACCEPTED);
    }
    response
}
