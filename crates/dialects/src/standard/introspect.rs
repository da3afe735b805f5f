//! `POST /oauth2/introspect` (RFC 7662).

use super::CLIENT_RULES;
use crate::{
    Decoded, Reply, Request, Response,
    wire::{
        client_auth,
        form::Form,
        headers, media, oauth_error,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext},
    denied::{Denied, Refusal},
    outcome::{Introspection, Outcome},
    secret::Secret,
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const DOC: Doc = Doc {
    summary: "Ask what a token is",
    description: "For clients that the token is meant for. About every other token, and about what is no token, \
                  the answer is `{\"active\":false}` and no more.",
    parameters: &[],
    body: Some(Body {
        media_type: media::FORM,
        schema: openapi::of::<AboutToken>,
    }),
    answers: &[Answer {
        status: 200,
        about: "What the token is.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<IntrospectionAnswer>,
        }),
        headers: &[("Cache-Control", "`no-store`")],
    }],
    refusals: &[],
};

/// A request about a token.
#[derive(JsonSchema)]
#[schemars(rename = "TokenReference")]
pub struct AboutToken {
    /// The token.
    pub token: String,
    /// Not looked at: every kind of token is searched for.
    #[schemars(extend("type" = "string"))]
    pub token_type_hint: Option<String>,
    /// The client, unless it authenticates with HTTP Basic.
    #[schemars(extend("type" = "string"))]
    pub client_id: Option<String>,
    /// Its secret, unless it authenticates in another way.
    #[schemars(extend("type" = "string"))]
    pub client_secret: Option<String>,
    /// A signed assertion (RFC 7523 section 2.2).
    #[schemars(extend("type" = "string"))]
    pub client_assertion: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, with an assertion.
    #[schemars(extend("type" = "string"))]
    pub client_assertion_type: Option<String>,
}

/// What a token is (RFC 7662 section 2.2).
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "Introspection")]
pub struct IntrospectionAnswer {
    /// Whether it is ours, alive, and meant for the caller. If not, nothing else is there.
    pub active: bool,
    /// Its scopes, space-delimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub scope: Option<String>,
    /// The client it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub client_id: Option<String>,
    /// How it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub token_type: Option<String>,
    /// When it ends, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "integer"))]
    pub exp: Option<i64>,
    /// When it was issued, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "integer"))]
    pub iat: Option<i64>,
    /// Who it speaks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub sub: Option<String>,
    /// Whom it is meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Audience")]
    pub aud: Option<Audience>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub iss: Option<String>,
    /// Its unique name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub jti: Option<String>,
}

/// One audience or several (RFC 7519 section 4.1.3).
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

pub(super) fn decode(request: &Request<'_>) -> Decoded {
    let form = Form::read(request);
    Decoded {
        presented: client_auth::client(request, form.as_ref().ok(), CLIENT_RULES),
        call: form
            .and_then(|form| token(&form))
            .map(|token| Call::Introspect { token }),
        reply: Reply::Plain,
    }
}

/// The `token` parameter of introspection and revocation. `token_type_hint` is not looked at, because the
/// search extends to every kind anyway (RFC 7009 section 2.1, RFC 7662 section 2.1).
pub(crate) fn token(form: &Form) -> Result<Secret<String>, Denied> {
    form.check_repeats(&[])?;
    Ok(Secret::new(form.required("token")?.to_owned()))
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::Introspection(found)) => answer(found.as_ref()),
        Ok(_) => super::unexpected(context),
        Err(refusal) => oauth_error::refuse_at_client_endpoint(refusal, context),
    }
}

/// The answer of RFC 7662 section 2.2; for `None`: not active, and no more.
pub(crate) fn answer(found: Option<&Introspection>) -> Response {
    let body = found.map(active).unwrap_or_default();
    headers::json(StatusCode::OK, media::JSON, &body)
}

fn active(found: &Introspection) -> IntrospectionAnswer {
    IntrospectionAnswer {
        active: true,
        scope: (!found.scopes.is_empty()).then(|| found.scopes.to_string()),
        client_id: found.client_id.as_ref().map(ToString::to_string),
        token_type: Some(found.token_type.clone()),
        exp: found.expires_at.map(|at| at.seconds()),
        iat: found.issued_at.map(|at| at.seconds()),
        sub: found.subject.clone(),
        aud: match found.audience.as_slice() {
            [] => None,
            [one] => Some(Audience::One(one.clone())),
            several => Some(Audience::Several(several.to_vec())),
        },
        iss: found.issuer.clone(),
        jti: found.token_id.clone(),
    }
}
