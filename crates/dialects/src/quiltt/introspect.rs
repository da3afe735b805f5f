//! `POST /v1/introspect/api_key` and `/v1/introspect/session_token`: what the shown credential is.

use super::{Expected, Side, Version, decoded, encoded, sessions};
use crate::{
    Decoded, Reply, Request, Response,
    wire::{
        headers, media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext},
    denied::Refusal,
    global_id,
    model::environment::Mode,
    outcome::Outcome,
    sessions::{KeyView, SessionAnswer, SessionCall},
};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What an API key is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
#[serde(rename_all = "camelCase")]
pub struct ApiKey<'a> {
    /// Its public name, `api_...`.
    pub id: &'a str,
    /// What it is for.
    pub name: &'a str,
    /// The version of the API that its requests get.
    pub api_version: &'a str,
    /// What its owner notes of it.
    pub metadata: Option<&'a Map<String, Value>>,
    /// Where it is good.
    pub environment: KeyEnvironment<'a>,
}

/// Where an API key is good.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Environment")]
pub struct KeyEnvironment<'a> {
    /// Its global id, `env_...`.
    pub id: String,
    /// `SANDBOX` or `PRODUCTION`.
    pub mode: &'a str,
    /// What people call it.
    pub name: &'a str,
    /// Always null: environments have none here.
    pub metadata: Option<Map<String, Value>>,
}

pub(super) const KEY: Doc = Doc {
    summary: "What the API key is",
    description: "",
    parameters: &[],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The key that was shown.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<ApiKey<'static>>,
        }),
        headers: &[("Cache-Control", "`no-store`")],
    }],
    refusals: &[],
};

pub(super) const SESSION: Doc = sessions::SHOW;

pub(super) fn decode_key(request: &Request<'_>) -> Decoded {
    decoded(request, Side::Auth, || {
        Ok(Call::Session(SessionCall::ShowKey))
    })
}

pub(super) fn encode_key(
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
            Outcome::Session(SessionAnswer::Key(view)) => {
                Some(headers::json(StatusCode::OK, media::JSON, &key(view)))
            }
            _ => None,
        },
    )
}

fn key(view: &KeyView) -> ApiKey<'_> {
    let credential = &view.credential;
    let pinned = credential.api_version.as_deref();
    let named = Some(credential.comment.as_str()).filter(|comment| !comment.is_empty());
    ApiKey {
        id: credential.id.as_str(),
        name: named.unwrap_or(&view.client_name),
        api_version: pinned.unwrap_or(Version::NEWEST.name()),
        metadata: credential.metadata.as_ref(),
        environment: KeyEnvironment {
            id: global_id::of_environment(credential.environment.as_str()),
            mode: match view.mode {
                Mode::Sandbox => "SANDBOX",
                Mode::Production => "PRODUCTION",
            },
            name: &view.environment_name,
            metadata: None,
        },
    }
}
