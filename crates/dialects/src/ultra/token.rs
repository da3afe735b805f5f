//! `POST …/token`: the client credentials grant.

use super::{CLIENT_RULES, REALM, error};
use crate::{
    Decoded, Reply, Request, Response,
    standard::token::{GRANT_TYPE, scopes_in},
    wire::{
        client_auth, client_headers,
        form::Form,
        headers, media,
        openapi::{self, Answer, Body, Doc, Parameter, Place},
    },
};
use countersign_engine::{
    call::{Call, CallContext, RealmAsk},
    denied::{Denied, ProblemKind, Refusal},
    outcome::{Issued, Outcome},
};
use http::{StatusCode, header::CONTENT_TYPE};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const DOC: Doc = Doc {
    summary: "Get an access token",
    description: "The client credentials grant. Client and secret come as HTTP Basic, as `client_id` and \
                  `client_secret` of the form, or all four parameters as headers of a request without a form: one \
                  of the three. Parameters that mean nothing here, such as `redirect_uri`, are not looked at.",
    parameters: &[
        REALM,
        header("client_id", "The client, in place of the form's."),
        header("client_secret", "Its secret, in place of the form's."),
        header(
            "grant_type",
            "`client_credentials`, in place of the form's.",
        ),
        header("scope", "The scopes asked for, in place of the form's."),
    ],
    body: Some(Body {
        media_type: media::FORM,
        schema: openapi::of::<TokenForm>,
    }),
    answers: &[Answer {
        status: 200,
        about: "A token, good for an hour.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<TokenAnswer<'static>>,
        }),
        headers: &[("Cache-Control", "`no-store`"), ("Pragma", "`no-cache`")],
    }],
    refusals: &[],
};

const fn header(name: &'static str, about: &'static str) -> Parameter {
    Parameter {
        name,
        place: Place::Header,
        required: false,
        about,
        schema: openapi::of::<String>,
    }
}

/// The parameters of a token request.
#[derive(JsonSchema)]
#[schemars(rename = "TokenRequest")]
pub struct TokenForm {
    /// `client_credentials`.
    #[schemars(extend("enum" = [GRANT_TYPE]))]
    pub grant_type: String,
    /// The scopes asked for, space-delimited; all that the credential has unless given.
    #[schemars(extend("type" = "string"))]
    pub scope: Option<String>,
    /// The client, unless it authenticates in another way.
    #[schemars(extend("type" = "string"))]
    pub client_id: Option<String>,
    /// Its secret, unless it authenticates in another way.
    #[schemars(extend("type" = "string"))]
    pub client_secret: Option<String>,
}

/// A token, its members in Keycloak's order. There is no refresh token for a client.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub struct TokenAnswer<'a> {
    /// The token.
    pub access_token: &'a str,
    /// Seconds until it ends.
    pub expires_in: u32,
    /// 0: there is no refresh token.
    pub refresh_expires_in: u32,
    /// `Bearer`.
    pub token_type: &'a str,
    /// 0: no policy is published this way; ended tokens are refused at every use.
    #[serde(rename = "not-before-policy")]
    pub not_before_policy: u32,
    /// Its scopes, space-delimited.
    pub scope: String,
}

pub(super) fn decode(request: &Request<'_>) -> Decoded {
    // A request whose headers say everything needs no form; one that is there is read all the same.
    let is_bare = request.body.is_empty() && !request.headers.contains_key(CONTENT_TYPE);
    let form = (!is_bare).then(|| Form::read(request));
    let read = form.as_ref().and_then(|form| form.as_ref().ok());
    if let Some(found) = client_headers::find(request, read) {
        let asked = match form {
            Some(Err(denied)) => Err(denied),
            Some(Ok(form)) => form.check_repeats(&[]),
            None => Ok(()),
        };
        let grant = found.grant_type.as_deref();
        let asked = asked.and_then(|()| grant_of(grant, found.scope.as_deref()));
        return Decoded {
            presented: found.presented,
            call: asked.map(|ask| Call::Realm(super::call(request, ask))),
            reply: Reply::Plain,
        };
    }
    let form = form.unwrap_or_else(|| Form::read(request));
    Decoded {
        presented: client_auth::client(request, form.as_ref().ok(), CLIENT_RULES),
        call: form
            .and_then(|form| {
                form.check_repeats(&[])?;
                grant_of(form.text("grant_type"), form.text("scope"))
            })
            .map(|ask| Call::Realm(super::call(request, ask))),
        reply: Reply::Plain,
    }
}

fn grant_of(grant_type: Option<&str>, scope: Option<&str>) -> Result<RealmAsk, Denied> {
    match grant_type.filter(|text| !text.is_empty()) {
        Some(GRANT_TYPE) => Ok(RealmAsk::Token {
            scopes: scopes_in(scope.filter(|text| !text.is_empty()))?,
        }),
        Some(_) => Err(Denied::UnsupportedGrantType),
        None => Err(Denied::invalid("grant_type", ProblemKind::Missing)),
    }
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::Token(issued)) => answer(issued),
        Ok(_) => error::unexpected(context),
        Err(refusal) => error::refuse_at_client_endpoint(refusal, context),
    }
}

fn answer(issued: &Issued) -> Response {
    let body = TokenAnswer {
        access_token: issued.token.expose(),
        expires_in: issued.expires_in_s,
        refresh_expires_in: 0,
        token_type: &issued.token_type,
        not_before_policy: 0,
        scope: issued.scopes.to_string(),
    };
    headers::json(StatusCode::OK, media::JSON, &body)
}
