//! `POST /oauth2/revoke` (RFC 7009).

use super::{CLIENT_RULES, introspect};
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
    denied::Refusal,
    outcome::Outcome,
};
use http::StatusCode;

pub(super) const DOC: Doc = Doc {
    summary: "End a token",
    description: "A client ends a token of its own. A token that is unknown, or has ended, is answered alike. 503 \
                  means that the token still lives.",
    parameters: &[],
    body: Some(Body {
        media_type: media::FORM,
        schema: openapi::of::<introspect::AboutToken>,
    }),
    answers: &[Answer {
        status: 200,
        about: "It is no longer accepted, or never was.",
        body: None,
        headers: &[],
    }],
    refusals: &[],
};

pub(super) fn decode(request: &Request<'_>) -> Decoded {
    let form = Form::read(request);
    Decoded {
        presented: client_auth::client(request, form.as_ref().ok(), CLIENT_RULES),
        call: form
            .and_then(|form| introspect::token(&form))
            .map(|token| Call::Revoke { token }),
        reply: Reply::Plain,
    }
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        // RFC 7009 section 2.2: the status says it all.
        Ok(Outcome::Revoked) => headers::empty(StatusCode::OK),
        Ok(_) => super::unexpected(context),
        Err(refusal) => oauth_error::refuse_at_client_endpoint(refusal, context),
    }
}
