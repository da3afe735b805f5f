//! `POST /oauth2/token`: the client credentials grant (RFC 6749 section 4.4).

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
    bounds::RESOURCES_MAX,
    call::{Call, CallContext},
    denied::{Denied, Refusal},
    model::scopes::Scopes,
    outcome::{Issued, Outcome},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

/// The one grant of this endpoint. The metadata say so from here.
pub const GRANT_TYPE: &str = "client_credentials";

/// Bytes of one resource: longer URLs do not survive proxies.
const RESOURCE_BYTES_MAX: usize = 2048;

pub(super) const DOC: Doc = Doc {
    summary: "Get an access token",
    description: "The client credentials grant. The client authenticates with HTTP Basic, with `client_id` and \
                  `client_secret`, or with a signed assertion: one of them. `resource` may be repeated.",
    parameters: &[],
    body: Some(Body {
        media_type: media::FORM,
        schema: openapi::of::<TokenForm>,
    }),
    answers: &[Answer {
        status: 200,
        about: "A token.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<TokenAnswer<'static>>,
        }),
        headers: &[("Cache-Control", "`no-store`"), ("Pragma", "`no-cache`")],
    }],
    refusals: &[],
};

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
    /// The resources that the token is meant for, absolute URIs without fragment (RFC 8707).
    #[schemars(extend("type" = "array"))]
    pub resource: Option<Vec<String>>,
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

/// A token (RFC 6749 section 5.1).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub struct TokenAnswer<'a> {
    /// The token.
    pub access_token: &'a str,
    /// How to use it: `Bearer`.
    pub token_type: &'a str,
    /// Seconds until it ends.
    pub expires_in: u32,
    /// Its scopes, space-delimited, where they differ from what was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    pub scope: Option<String>,
}

pub(super) fn decode(request: &Request<'_>) -> Decoded {
    let form = Form::read(request);
    Decoded {
        presented: client_auth::client(request, form.as_ref().ok(), CLIENT_RULES),
        call: form.and_then(|form| call(&form)),
        reply: Reply::Plain,
    }
}

fn call(form: &Form) -> Result<Call, Denied> {
    form.check_repeats(&["resource"])?;
    if form.required("grant_type")? != GRANT_TYPE {
        return Err(Denied::UnsupportedGrantType);
    }
    Ok(Call::ClientCredentials {
        profile: "standard",
        scopes: scopes_in(form.text("scope"))?,
        resources: resources(form)?,
    })
}

/// RFC 6749 section 3.3: left out or at least one word.
pub(crate) fn scopes_in(text: Option<&str>) -> Result<Option<Scopes>, Denied> {
    let Some(text) = text else {
        return Ok(None);
    };
    match Scopes::parse(text) {
        Ok(scopes) if !scopes.is_empty() => Ok(Some(scopes)),
        Ok(_) | Err(_) => Err(Denied::InvalidScope),
    }
}

/// RFC 8707 section 2: absolute URIs without fragment, kept as they are spelled.
fn resources(form: &Form) -> Result<Vec<String>, Denied> {
    let resources: Vec<&str> = form.texts("resource").collect();
    let is_uri = |text: &&str| {
        text.len() <= RESOURCE_BYTES_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && Url::parse(text).is_ok_and(|url| url.fragment().is_none())
    };
    if resources.len() <= RESOURCES_MAX && resources.iter().all(is_uri) {
        Ok(resources.into_iter().map(str::to_owned).collect())
    } else {
        Err(Denied::InvalidTarget)
    }
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::Token(issued)) => answer(issued),
        Ok(_) => super::unexpected(context),
        Err(refusal) => oauth_error::refuse_at_client_endpoint(refusal, context),
    }
}

fn answer(issued: &Issued) -> Response {
    let body = TokenAnswer {
        access_token: issued.token.expose(),
        token_type: &issued.token_type,
        expires_in: issued.expires_in_s,
        scope: issued.scopes_differ.then(|| issued.scopes.to_string()),
    };
    headers::json(StatusCode::OK, media::JSON, &body)
}
