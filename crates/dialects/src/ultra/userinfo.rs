//! `…/userinfo` (OpenID Connect Core 1.0 section 5.3): who a token speaks for.

use super::{REALM, error};
use crate::{
    Decoded, Reply, Request, Response,
    wire::{
        authorization, headers, media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext, RealmAsk},
    denied::Refusal,
    outcome::{Outcome, UserInfo},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const DOC: Doc = Doc {
    summary: "Ask who a token speaks for",
    description: "The token comes as Bearer. A client's token speaks for the client's service account.",
    parameters: &[REALM],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "Who it is.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<UserInfoAnswer<'static>>,
        }),
        headers: &[("Cache-Control", "`no-store`")],
    }],
    refusals: &[],
};

/// Who a token speaks for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UserInfo")]
pub struct UserInfoAnswer<'a> {
    /// As `sub` of the token.
    pub sub: &'a str,
    /// `false`: a service account has no address.
    pub email_verified: bool,
    /// `service-account-` and the client's id.
    pub preferred_username: &'a str,
    /// The same, where the vendor's own clients look for it.
    pub upn: &'a str,
}

pub(super) fn decode(request: &Request<'_>) -> Decoded {
    Decoded {
        presented: authorization::presented_bearer(request.headers),
        call: Ok(Call::Realm(super::call(request, RealmAsk::UserInfo))),
        reply: Reply::Plain,
    }
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::UserInfo(found)) => answer(found),
        Ok(_) => error::unexpected(context),
        Err(refusal) => error::refuse_at_guard(refusal, context),
    }
}

fn answer(found: &UserInfo) -> Response {
    let body = UserInfoAnswer {
        sub: &found.subject,
        email_verified: false,
        preferred_username: &found.username,
        upn: &found.username,
    };
    headers::json(StatusCode::OK, media::JSON, &body)
}
