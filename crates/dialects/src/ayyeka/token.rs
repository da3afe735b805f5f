//! `POST /auth/token`.

use super::{CLIENT_RULES, error};
use crate::{
    Decoded, Reply, Request, Response,
    wire::{
        client_auth,
        form::Form,
        headers, media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext},
    denied::{Denied, Fault, ProblemKind, Refusal},
    outcome::Outcome,
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const DOC: Doc = Doc {
    summary: "Get an access token",
    description: "The client credentials grant. Key and secret come as HTTP Basic, or as `client_id` and \
                  `client_secret`.",
    parameters: &[],
    body: Some(Body {
        media_type: media::FORM,
        schema: openapi::of::<TokenForm>,
    }),
    answers: &[Answer {
        status: 200,
        about: "A token, good for an hour.",
        body: Some(Body {
            media_type: error::JSON_UTF_8,
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
    /// `client_credentials`; white space around it is left out.
    pub grant_type: String,
    /// The key, unless it comes as HTTP Basic.
    #[schemars(extend("type" = "string"))]
    pub client_id: Option<String>,
    /// The secret, unless it comes as HTTP Basic.
    #[schemars(extend("type" = "string"))]
    pub client_secret: Option<String>,
}

/// A token, its members in the order of Ayyeka's document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Token")]
pub struct TokenAnswer<'a> {
    /// The token.
    pub access_token: &'a str,
    /// `JWT`.
    pub token_type: &'a str,
    /// Seconds until it ends.
    pub expires_in: u32,
}

pub(super) fn decode(request: &Request<'_>) -> Decoded {
    let form = Form::read(request);
    Decoded {
        presented: client_auth::client(request, form.as_ref().ok(), CLIENT_RULES),
        call: form.and_then(|form| call(&form)),
        reply: Reply::Plain,
    }
}

/// The vendor's document prints `grant_type= client_credentials`, so white space around the value is left out.
/// It describes no scopes: what a client may do is its own property, and `scope` is a parameter like any unknown one.
fn call(form: &Form) -> Result<Call, Denied> {
    form.check_repeats(&[])?;
    match form.required("grant_type")?.trim() {
        "client_credentials" => Ok(Call::ClientCredentials {
            profile: "ayyeka",
            scopes: None,
            resources: Vec::new(),
        }),
        "" => Err(Denied::invalid("grant_type", ProblemKind::Missing)),
        _ => Err(Denied::UnsupportedGrantType),
    }
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::Token(issued)) => {
            let body = TokenAnswer {
                access_token: issued.token.expose(),
                token_type: &issued.token_type,
                expires_in: issued.expires_in_s,
            };
            headers::json(StatusCode::OK, error::JSON_UTF_8, &body)
        }
        Ok(_) => {
            let fault = Fault::internal("the outcome is not one of this route's call");
            error::refuse_at_token_endpoint(&fault.into(), context)
        }
        Err(refusal) => error::refuse_at_token_endpoint(refusal, context),
    }
}
