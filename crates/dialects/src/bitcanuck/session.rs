//! `POST /api/v1/authenticate`, `POST /api/v1/authenticate-jwt/{platform}`, and what a session can do with itself.

use super::{
    body::{Members, secret},
    error,
};
use crate::{
    Decoded, OnTheBeat, Reply, Request, Response,
    wire::{
        Found, authorization, headers, media,
        openapi::{self, Answer, Body, Doc, Parameter, Place},
    },
};
use countersign_engine::{
    bounds::TOKEN_BYTES_MAX,
    call::{Call, CallContext, Presented, Shown},
    denied::{Denied, Fault, ProblemKind, Reason, Refusal},
    login::{LoginCall, LoginOutcome, NewSession},
    outcome::Outcome,
    secret::Secret,
    time::Timestamp,
};
use http::{HeaderMap, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

/// What a session's answer says.
const SESSION: &[Answer] = &[Answer {
    status: 200,
    about: "A session, good for 14 days.",
    body: Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<SessionAnswer<'static>>,
    }),
    headers: &[("Cache-Control", "`no-store`")],
}];

/// Nothing to say.
pub(super) const NO_CONTENT: &[Answer] = &[Answer {
    status: 204,
    about: "It is done.",
    body: None,
    headers: &[],
}];

pub(super) const AUTHENTICATE_DOC: Doc = Doc {
    summary: "Log in with a password",
    description: "The vendor's. Whatever is wrong, the answer is the same 401.",
    parameters: &[],
    body: Some(Body {
        media_type: media::JSON,
        schema: openapi::of::<LoginBody>,
    }),
    answers: SESSION,
    refusals: &[401, 429],
};

pub(super) const AUTHENTICATE_JWT_DOC: Doc = Doc {
    summary: "Log in somebody whom a platform vouches for",
    description: "The vendor's. The token is a JWT with `email` and `expire`, signed with the one algorithm that the \
                  platform is registered with. Whatever is wrong with platform or token, the answer is the same 401. \
                  There is no body.",
    parameters: &[
        Parameter {
            name: "platform",
            place: Place::Path,
            required: true,
            about: "The platform's code.",
            schema: openapi::of::<String>,
        },
        Parameter {
            name: "Token",
            place: Place::Header,
            required: true,
            about: "The JWT.",
            schema: openapi::of::<String>,
        },
    ],
    body: None,
    answers: SESSION,
    refusals: &[401, 429],
};

pub(super) const LOGOUT_DOC: Doc = Doc {
    summary: "End the session",
    description: "Ours. The bearer that is shown is refused from now on, at gateways too.",
    parameters: &[],
    body: None,
    answers: NO_CONTENT,
    refusals: &[],
};

pub(super) const USER_DOC: Doc = Doc {
    summary: "Who the caller is",
    description: "Ours. Somebody else's identifier is answered like one that does not exist.",
    parameters: &[Parameter {
        name: "userId",
        place: Place::Path,
        required: true,
        about: "The caller's own identifier, a UUID.",
        schema: openapi::of::<String>,
    }],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The user.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<UserAnswer<'static>>,
        }),
        headers: &[],
    }],
    refusals: &[],
};

/// What somebody logs in with.
#[derive(JsonSchema)]
#[schemars(rename = "Login")]
pub struct LoginBody {
    /// The e-mail address; in which case it is written does not matter.
    pub email: String,
    /// The password.
    pub password: String,
}

/// A session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SessionAnswer")]
pub struct SessionAnswer<'a> {
    /// The session.
    pub data: SessionData<'a>,
}

/// A session, its members in the order of BitCanuck's document.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Session")]
pub struct SessionData<'a> {
    /// The bearer token.
    pub id: &'a str,
    /// Whose it is: a UUID.
    pub user_id: &'a str,
    /// Seconds from `created` to `until`.
    pub ttl: u32,
    /// Refused from here on.
    pub until: String,
    /// When it was made.
    pub created: String,
}

/// A user.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserAnswer")]
pub struct UserAnswer<'a> {
    /// The user.
    pub data: UserData<'a>,
}

/// A user.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub struct UserData<'a> {
    /// A UUID.
    pub id: &'a str,
    /// The e-mail address.
    pub email: Option<&'a str>,
    /// When it was made.
    pub created: String,
    /// When it last changed.
    pub updated: String,
}

/// A call of somebody who shows nothing but what the call itself carries.
pub(super) fn open(call: Result<LoginCall, Denied>) -> Decoded {
    Decoded {
        presented: Presented::Absent,
        call: call.map(Call::Login),
        reply: Reply::Plain,
    }
}

/// A call of somebody who shows a session.
pub(super) fn private(headers: &HeaderMap, call: Result<LoginCall, Denied>) -> Decoded {
    let presented = match authorization::bearer(headers) {
        Found::Absent => Presented::Absent,
        Found::Malformed(why) => Presented::Malformed(why),
        Found::Present(token) => Presented::Present(Shown::Bearer(token)),
    };
    Decoded {
        presented,
        ..open(call)
    }
}

pub(super) fn authenticate(request: &Request<'_>) -> Decoded {
    let members = Members::read(request).and_then(|body| body.texts(["email", "password"]));
    open(members.map(|[email, password]| LoginCall::Password {
        email,
        password: secret(password),
    }))
}

pub(super) fn authenticate_jwt(request: &Request<'_>) -> Decoded {
    open(token(request.headers).map(|token| LoginCall::Platform {
        platform: parameter(request, "platform"),
        token,
    }))
}

/// The vendor's own header: one, and no `Bearer` before it.
fn token(headers: &HeaderMap) -> Result<Secret<String>, Denied> {
    let mut values = headers.get_all("token").iter();
    let Some(value) = values.next() else {
        return Err(Denied::invalid("Token", ProblemKind::Missing));
    };
    if values.next().is_some() {
        return Err(Denied::invalid("Token", ProblemKind::Repeated));
    }
    match value.to_str() {
        Ok("") => Err(Denied::invalid("Token", ProblemKind::Missing)),
        Ok(text) if text.len() <= TOKEN_BYTES_MAX => Ok(secret(text.to_owned())),
        _ => Err(Denied::InvalidClient(Reason::Signature)),
    }
}

fn parameter(request: &Request<'_>, name: &str) -> String {
    let mut parameters = request.parameters.iter();
    let found = parameters.find(|(known, _)| *known == name);
    found
        .map(|(_, value)| value.to_string())
        .unwrap_or_default()
}

pub(super) fn logout(request: &Request<'_>) -> Decoded {
    private(request.headers, Ok(LoginCall::Logout))
}

pub(super) fn user(request: &Request<'_>) -> Decoded {
    let id = parameter(request, "userId");
    private(request.headers, Ok(LoginCall::Subject { id }))
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::Login(LoginOutcome::Session(session))) => session_answer(session),
        Ok(Outcome::Login(LoginOutcome::Subject(subject))) => {
            let data = UserData {
                id: subject.id.as_str(),
                email: subject.email.as_deref(),
                created: time(subject.created_at),
                updated: time(subject.updated_at),
            };
            headers::json(StatusCode::OK, media::JSON, &UserAnswer { data })
        }
        // A letter may have been asked for, to an address that somebody has or nobody.
        Ok(Outcome::Done) => on_the_beat(headers::empty(StatusCode::NO_CONTENT)),
        Ok(_) => {
            let fault = Fault::internal("the outcome is not one of this route's call");
            error::refuse(&fault.into(), context)
        }
        Err(refusal @ Refusal::Denied(Denied::InvalidClient(_))) => {
            on_the_beat(error::refuse(refusal, context))
        }
        Err(refusal) => error::refuse(refusal, context),
    }
}

fn on_the_beat(mut response: Response) -> Response {
    response.extensions_mut().insert(OnTheBeat);
    response
}

fn session_answer(session: &NewSession) -> Response {
    let data = SessionData {
        id: session.token.expose(),
        user_id: session.subject.as_str(),
        ttl: session.lifetime_s,
        until: time(session.expires_at),
        created: time(session.created_at),
    };
    headers::json(StatusCode::OK, media::JSON, &SessionAnswer { data })
}

/// As the vendor prints it: always six decimals, and `Z`.
fn time(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::id::{EnvironmentId, RequestId};

    /// Whether the answer leaves on a beat.
    fn is_on_the_beat(result: &Result<Outcome, Refusal>) -> bool {
        let context = CallContext {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            now: Timestamp::EPOCH,
            request_id: RequestId::parse("r").unwrap(),
            peer: None,
            dialect: "bitcanuck",
        };
        let answer = encode(result, &Reply::Plain, &context);
        answer.extensions().get() == Some(&OnTheBeat)
    }

    #[test]
    fn what_could_tell_accounts_apart_leaves_on_the_beat() {
        for reason in [Reason::Unknown, Reason::Mismatch, Reason::Signature] {
            assert!(is_on_the_beat(&Err(Denied::InvalidClient(reason).into())));
        }
        assert!(is_on_the_beat(&Ok(Outcome::Done)), "a letter, or none");
        let other = Denied::NotFound { noun: "user" };
        assert!(!is_on_the_beat(&Err(other.into())));
    }
}
