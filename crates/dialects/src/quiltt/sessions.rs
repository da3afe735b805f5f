//! `/v1/users/sessions` for servers, and `GET` and `DELETE /v1/users/session` for whoever holds a session.

use super::{Expected, Side, decoded, encoded, members};
use crate::{
    Decoded, Reply, Request, Response,
    admin::time,
    wire::{
        headers, media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext},
    denied::{Denied, ProblemKind, Refusal},
    global_id,
    outcome::Outcome,
    sessions::{IssueSession, SessionAnswer, SessionCall, SessionView},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// A session, as every endpoint tells of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserSession")]
#[serde(rename_all = "camelCase")]
pub struct UserSession<'a> {
    /// The session token.
    pub token: &'a str,
    /// The profile's global id, `p_...`.
    pub user_id: String,
    /// The profile's UUID.
    pub user_uuid: &'a str,
    /// The environment's global id, `env_...`.
    pub environment_id: String,
    /// When it ends, unix seconds.
    pub expiration: i64,
    /// When it ends, RFC 3339.
    pub expires_at: String,
}

impl<'a> UserSession<'a> {
    fn new(view: &'a SessionView) -> Self {
        Self {
            token: view.token.expose(),
            user_id: profile_id(view.subject.as_str()),
            user_uuid: view.subject.as_str(),
            environment_id: global_id::of_environment(view.environment.as_str()),
            expiration: view.expires_at.seconds(),
            expires_at: time::write(view.expires_at),
        }
    }
}

/// The global id of a profile.
pub(super) fn profile_id(uuid: &str) -> String {
    let parsed = Uuid::try_parse(uuid).ok();
    parsed.map_or_else(|| uuid.to_owned(), |uuid| global_id::encode("p", uuid))
}

/// What the answer to a new or shown session is.
pub(super) fn session(status: StatusCode, view: &SessionView) -> Response {
    headers::json(status, media::JSON, &UserSession::new(view))
}

const SESSION: Body = Body {
    media_type: media::JSON,
    schema: openapi::of::<UserSession<'static>>,
};

/// The body of a session's answer.
pub(super) const fn session_answer(status: u16, about: &'static str) -> Answer {
    Answer {
        status,
        about,
        body: Some(SESSION),
        headers: &[("Cache-Control", "`no-store`")],
    }
}

pub(super) const ISSUE: Doc = Doc {
    summary: "Issue a session",
    description: "Of the profile in `userId`, which is a global id or a UUID; a UUID that nobody has is imported. \
                  Without `userId`, or without a body, of a new profile. Other members are set in the profile. At \
                  most ten sessions of a profile that are active may be of the last hour, and twenty of the last \
                  day; revoking one makes room at once.",
    parameters: &[],
    body: Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<super::profiles::SessionInput>,
    }),
    answers: &[session_answer(201, "The session.")],
    refusals: &[404, 409, 422],
};

pub(super) const SHOW: Doc = Doc {
    summary: "What the session is",
    description: "",
    parameters: &[],
    body: None,
    answers: &[session_answer(200, "The session that was shown.")],
    refusals: &[],
};

pub(super) const END: Doc = Doc {
    summary: "Revoke the session",
    description: "It is refused from now on, and counts no more.",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 204,
        about: "It is revoked.",
        body: None,
        headers: &[],
    }],
    refusals: &[],
};

pub(super) fn decode_issue(request: &Request<'_>) -> Decoded {
    decoded(request, Side::Auth, || {
        let body = members::body_if_any(request)?;
        let user = members::text(&body, "userId", "userId")?.flatten();
        let profile = match user {
            None => None,
            Some(text) => Some(members::profile_name(&text).ok_or_else(|| {
                let expected = ProblemKind::Expected("a profile's id, p_..., or a UUID");
                Denied::invalid("userId", expected)
            })?),
        };
        let set = members::profile(&body)?;
        if profile.is_some() && set.uuid.is_some() {
            let expected = ProblemKind::Expected("left out where userId is given");
            return Err(Denied::invalid("uuid", expected));
        }
        Ok(Call::Session(SessionCall::Issue(Box::new(IssueSession {
            profile,
            members: set,
        }))))
    })
}

pub(super) fn encode_issue(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    encoded(
        result,
        Expected::ApiKey,
        reply,
        context,
        |outcome| match outcome {
            Outcome::Session(SessionAnswer::Session(view)) => {
                Some(session(StatusCode::CREATED, view))
            }
            _ => None,
        },
    )
}

pub(super) fn decode_show(request: &Request<'_>) -> Decoded {
    decoded(request, Side::Auth, || Ok(Call::Session(SessionCall::Show)))
}

pub(super) fn encode_show(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    encoded(
        result,
        Expected::Session,
        reply,
        context,
        |outcome| match outcome {
            Outcome::Session(SessionAnswer::Session(view)) => Some(session(StatusCode::OK, view)),
            _ => None,
        },
    )
}

pub(super) fn decode_end(request: &Request<'_>) -> Decoded {
    decoded(request, Side::Auth, || Ok(Call::Session(SessionCall::End)))
}

pub(super) fn encode_end(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    encoded(
        result,
        Expected::Session,
        reply,
        context,
        |outcome| match outcome {
            Outcome::Session(SessionAnswer::Ended) => Some(headers::empty(StatusCode::NO_CONTENT)),
            _ => None,
        },
    )
}
