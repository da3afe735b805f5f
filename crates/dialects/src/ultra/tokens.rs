//! `POST …/token/introspect` (RFC 7662) and `POST …/revoke` (RFC 7009): about tokens that were issued.

use super::{CLIENT_RULES, REALM, error};
use crate::{
    Decoded, Reply, Request, Response,
    standard::introspect::{self, IntrospectionAnswer},
    wire::{
        client_auth,
        form::Form,
        headers, media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext, RealmAsk},
    denied::Refusal,
    outcome::Outcome,
    secret::Secret,
};
use http::StatusCode;
use schemars::JsonSchema;

pub(super) const INTROSPECT_DOC: Doc = Doc {
    summary: "Ask what a token is",
    description: "For the client that it was issued to, and for clients that it is meant for. About every other \
                  token, and about what is no token, the answer is `{\"active\":false}` and no more.",
    parameters: &[REALM],
    body: FORM,
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

pub(super) const REVOKE_DOC: Doc = Doc {
    summary: "End a token",
    description: "A client ends a token of its own. A token that is unknown, or has ended, is answered alike. 503 \
                  means that the token still lives.",
    parameters: &[REALM],
    body: FORM,
    answers: &[Answer {
        status: 200,
        about: "It is no longer accepted, or never was.",
        body: None,
        headers: &[],
    }],
    refusals: &[],
};

const FORM: Option<Body> = Some(Body {
    media_type: media::FORM,
    schema: openapi::of::<AboutToken>,
});

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
    /// Its secret, unless it authenticates with HTTP Basic.
    #[schemars(extend("type" = "string"))]
    pub client_secret: Option<String>,
}

pub(super) fn decode_introspect(request: &Request<'_>) -> Decoded {
    decode(request, |token| RealmAsk::Introspect { token })
}

pub(super) fn decode_revoke(request: &Request<'_>) -> Decoded {
    decode(request, |token| RealmAsk::Revoke { token })
}

fn decode(request: &Request<'_>, ask: fn(Secret<String>) -> RealmAsk) -> Decoded {
    let form = Form::read(request);
    Decoded {
        presented: client_auth::client(request, form.as_ref().ok(), CLIENT_RULES),
        call: form
            .and_then(|form| introspect::token(&form))
            .map(|token| Call::Realm(super::call(request, ask(token)))),
        reply: Reply::Plain,
    }
}

pub(super) fn encode_introspect(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::Introspection(found)) => introspect::answer(found.as_ref()),
        Ok(_) => error::unexpected(context),
        Err(refusal) => error::refuse_at_client_endpoint(refusal, context),
    }
}

pub(super) fn encode_revoke(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        // RFC 7009 section 2.2: the status says it all.
        Ok(Outcome::Revoked) => headers::empty(StatusCode::OK),
        Ok(_) => error::unexpected(context),
        Err(refusal) => error::refuse_at_client_endpoint(refusal, context),
    }
}
