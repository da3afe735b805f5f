//! What a realm publishes: its keys, and its OpenID configuration (OpenID Connect Discovery 1.0).

use super::{CERTS, INTROSPECT, REALM, REVOKE, TOKEN, USERINFO, error};
use crate::{
    Decoded, Reply, Request, Response,
    standard::{jwks, token::GRANT_TYPE},
    wire::{
        headers, media,
        openapi::{self, Answer, Body, Doc},
    },
};
use countersign_engine::{
    call::{Call, CallContext, Presented, RealmAsk},
    denied::Refusal,
    outcome::{Metadata, Outcome},
};
use schemars::JsonSchema;
use serde::Serialize;

pub(super) const CERTS_DOC: Doc = Doc {
    summary: "Get the realm's public keys",
    description: "The keys that verify the realm's tokens, and no others: the current one, the next one, and those \
                  that retired while their tokens live.",
    parameters: &[REALM],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The keys.",
        body: Some(Body {
            media_type: media::JSON,
            schema: jwks::key_set,
        }),
        headers: &[("Cache-Control", "`public, max-age=300`")],
    }],
    refusals: &[],
};

pub(super) const DISCOVERY_DOC: Doc = Doc {
    summary: "Get the realm's OpenID configuration",
    description: "What the realm offers. 404 for another realm than the environment's.",
    parameters: &[REALM],
    body: None,
    answers: &[Answer {
        status: 200,
        about: "The configuration.",
        body: Some(Body {
            media_type: media::JSON,
            schema: openapi::of::<Configuration>,
        }),
        headers: &[("Cache-Control", "`public, max-age=300`")],
    }],
    refusals: &[],
};

/// The ways in which [`super::CLIENT_RULES`] let a client authenticate.
const AUTHENTICATION_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// The document (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Configuration")]
pub struct Configuration {
    /// The realm, byte for byte what tokens print.
    pub issuer: String,
    /// Where tokens are had.
    pub token_endpoint: String,
    /// Where tokens are explained.
    pub introspection_endpoint: String,
    /// Who a token speaks for.
    pub userinfo_endpoint: String,
    /// Where tokens are ended.
    pub revocation_endpoint: String,
    /// Where the public keys are.
    pub jwks_uri: String,
    /// The grants.
    pub grant_types_supported: [&'static str; 1],
    /// None: there is no authorization endpoint.
    pub response_types_supported: [&'static str; 0],
    /// Every client sees the same subject.
    pub subject_types_supported: [&'static str; 1],
    /// The algorithms of the realm's signatures.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    /// The scopes that guards ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// How clients authenticate at the token endpoint. The vendor's headers have no registered name.
    pub token_endpoint_auth_methods_supported: [&'static str; 2],
    /// How they do at the introspection endpoint.
    pub introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// How they do at the revocation endpoint.
    pub revocation_endpoint_auth_methods_supported: [&'static str; 2],
}

pub(super) fn decode_certs(request: &Request<'_>) -> Decoded {
    decode(request, RealmAsk::Keys)
}

pub(super) fn decode_discovery(request: &Request<'_>) -> Decoded {
    decode(request, RealmAsk::Discovery)
}

fn decode(request: &Request<'_>, ask: RealmAsk) -> Decoded {
    Decoded {
        presented: Presented::Absent,
        call: Ok(Call::Realm(super::call(request, ask))),
        reply: Reply::Plain,
    }
}

pub(super) fn encode_certs(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::PublicKeys(keys)) => headers::public_json(keys, jwks::CACHE_CONTROL),
        Ok(_) => error::unexpected(context),
        Err(refusal) => error::refuse_at_client_endpoint(refusal, context),
    }
}

pub(super) fn encode_discovery(
    result: &Result<Outcome, Refusal>,
    _: &Reply,
    context: &CallContext,
) -> Response {
    match result {
        Ok(Outcome::Metadata(metadata)) => {
            headers::public_json(&configuration(metadata), jwks::CACHE_CONTROL)
        }
        Ok(_) => error::unexpected(context),
        Err(refusal) => error::refuse_at_client_endpoint(refusal, context),
    }
}

fn configuration(metadata: &Metadata) -> Configuration {
    let at = |endpoint: &str| format!("{}{endpoint}", metadata.issuer);
    let algorithms = metadata.algorithms.iter();
    Configuration {
        issuer: metadata.issuer.clone(),
        token_endpoint: at(TOKEN),
        introspection_endpoint: at(INTROSPECT),
        userinfo_endpoint: at(USERINFO),
        revocation_endpoint: at(REVOKE),
        jwks_uri: at(CERTS),
        grant_types_supported: [GRANT_TYPE],
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms.map(|it| it.name()).collect(),
        scopes_supported: metadata.scopes.iter().map(str::to_owned).collect(),
        token_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
        introspection_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
        revocation_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
    }
}
