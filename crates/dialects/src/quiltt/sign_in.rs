//! `POST` and `PUT /v1/users/session`: a person identifies, then authenticates with the passcode.

use super::{
    Expected, Side, decoded, encoded,
    members::{self, Members},
    sessions::{session, session_answer},
};
use crate::{
    Decoded, Reply, Request, Response,
    wire::{
        headers, media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext},
    denied::{Denied, ProblemKind, Refusal},
    outcome::Outcome,
    secret::Secret,
    sessions::{SessionAnswer, SessionCall, SessionView, SignInAsk},
};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde_json::Value;

/// Who signs in. Older spellings are taken too: `deploymentId` or `appId` for `clientId`, and all of it without
/// `session` around it.
#[derive(JsonSchema)]
#[schemars(rename = "SignIn", rename_all = "camelCase")]
pub struct SignInBody {
    /// Who, and where.
    pub session: SignInMembers,
}

/// Who signs in, and where.
#[derive(JsonSchema)]
#[schemars(rename = "SignInMembers", rename_all = "camelCase")]
pub struct SignInMembers {
    /// The client.
    pub client_id: String,
    /// The e-mail address.
    pub email: String,
    /// The six digits; to authenticate only.
    #[schemars(extend("type" = "string"))]
    pub passcode: Option<String>,
}

const BODY: Body = Body {
    media_type: media::JSON,
    schema: openapi::of::<SignInBody>,
};

const TOKEN: &[(&str, &str)] = &[
    (
        "Authorization",
        "`Bearer` and the session token, for older clients.",
    ),
    ("Cache-Control", "`no-store`"),
];

pub(super) const IDENTIFY: Doc = Doc {
    summary: "Begin to sign in",
    description: "Only at clients where an operator has turned it on. By e-mail; a `phone` is refused, because this \
                  server sends no texts.",
    parameters: &[],
    body: Some(BODY),
    answers: &[
        Answer {
            headers: TOKEN,
            ..session_answer(201, "The address is new here: a session of a new profile.")
        },
        Answer {
            status: 202,
            about: "The address is known: a passcode is on its way, good for ten minutes and five tries.",
            body: None,
            headers: &[],
        },
    ],
    refusals: &[403, 422, 429],
};

pub(super) const AUTHENTICATE: Doc = Doc {
    summary: "Sign in with the passcode",
    description: "A wrong passcode is 401, however often: 429 tells of the profile's sessions only.",
    parameters: &[],
    body: Some(BODY),
    answers: &[Answer {
        headers: TOKEN,
        ..session_answer(201, "A session.")
    }],
    refusals: &[401, 422, 429],
};

/// The members of the request, from whichever of the spellings.
fn asked(body: &Members) -> Result<(SignInAsk, Members), Denied> {
    let inner = match body.get("session") {
        None => body.clone(),
        Some(Value::Object(members)) => members.clone(),
        Some(_) => {
            let expected = ProblemKind::Expected("an object");
            return Err(Denied::invalid("session", expected));
        }
    };
    let named = ["clientId", "deploymentId", "appId"];
    let name = named.into_iter().find(|name| inner.contains_key(*name));
    let client = members::required(&inner, name.unwrap_or("clientId"))?;
    if inner.contains_key("phone") && !inner.contains_key("email") {
        let expected =
            ProblemKind::Expected("left out: sign in by email, this server sends no texts");
        return Err(Denied::invalid("phone", expected));
    }
    let email = members::required(&inner, "email")?;
    Ok((SignInAsk { client, email }, inner))
}

pub(super) fn decode_identify(request: &Request<'_>) -> Decoded {
    decoded(request, Side::Auth, || {
        let (ask, _) = asked(&members::body(request)?)?;
        Ok(Call::Session(SessionCall::Identify(ask)))
    })
}

pub(super) fn decode_authenticate(request: &Request<'_>) -> Decoded {
    decoded(request, Side::Auth, || {
        let (ask, inner) = asked(&members::body(request)?)?;
        let passcode = Secret::new(members::required(&inner, "passcode")?);
        Ok(Call::Session(SessionCall::Authenticate { ask, passcode }))
    })
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    encoded(
        result,
        Expected::Passcode,
        reply,
        context,
        |outcome| match outcome {
            Outcome::Session(SessionAnswer::Session(view)) => Some(signed_in(view)),
            Outcome::Session(SessionAnswer::CodeSent) => Some(headers::empty(StatusCode::ACCEPTED)),
            _ => None,
        },
    )
}

/// The token in the body, and in the header where clients before 2024 look for it.
fn signed_in(view: &SessionView) -> Response {
    let mut answer = session(StatusCode::CREATED, view);
    let value = HeaderValue::from_str(&format!("Bearer {}", view.token.expose()));
    if let Ok(mut value) = value {
        value.set_sensitive(true);
        answer.headers_mut().insert(header::AUTHORIZATION, value);
    }
    answer
}
