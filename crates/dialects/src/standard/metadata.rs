//! The metadata documents: RFC 8414, and OpenID Connect Discovery 1.0 for clients that know only that.

use super::{INTROSPECT, JWKS, REVOKE, TOKEN, jwks, token};
use crate::{
    Decoded, Reply, Request, Response,
    wire::{
        headers, media, oauth_error,
        openapi::{self, Answer, Body, Doc, Parameter, Place},
    },
};
use countersign_engine::{
    call::{Call, CallContext, Presented},
    denied::{Denied, Fault, Refusal},
    outcome::{Metadata, Outcome},
};
use countersign_jose::Algorithm;
use schemars::JsonSchema;
use serde::Serialize;
use url::{Position, Url};

/// Where RFC 8414 section 3 puts the document.
pub const OAUTH: &str = "/.well-known/oauth-authorization-server";
/// Where OpenID Connect Discovery 1.0 section 4 puts it.
pub const OPENID: &str = "/.well-known/openid-configuration";

/// The ways in which [`super::CLIENT_RULES`] let a client authenticate.
const AUTHENTICATION_METHODS: [&str; 4] = [
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
    "client_secret_jwt",
];

pub(super) const OAUTH_DOC: Doc = doc("Get the authorization server's metadata", &[]);
pub(super) const OAUTH_OF_PATH_DOC: Doc = doc("Get the metadata of an issuer with a path", OF_PATH);
pub(super) const OPENID_DOC: Doc = doc("Get the OpenID configuration", &[]);
pub(super) const OPENID_OF_PATH_DOC: Doc = doc(
    "Get the OpenID configuration of an issuer with a path",
    OF_PATH,
);

const OF_PATH: &[Parameter] = &[Parameter {
    name: "path",
    place: Place::Path,
    required: true,
    about: "The path of the issuer identifier, without its first `/`.",
    schema: openapi::of::<String>,
}];

const fn doc(summary: &'static str, parameters: &'static [Parameter]) -> Doc {
    Doc {
        summary,
        description: "What this server offers (RFC 8414). 404 where the issuer has another path.",
        parameters,
        body: None,
        answers: &[Answer {
            status: 200,
            about: "The metadata.",
            body: Some(Body {
                media_type: media::JSON,
                schema: openapi::of::<Document>,
            }),
            headers: &[("Cache-Control", "`public, max-age=300`")],
        }],
        refusals: &[404],
    }
}

/// The document (RFC 8414 section 2), with the members that OpenID Connect Discovery 1.0 section 3 requires.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Metadata")]
pub struct Document {
    /// The issuer identifier, byte for byte what tokens print.
    pub issuer: String,
    /// Where tokens are had.
    pub token_endpoint: String,
    /// Where tokens are explained.
    pub introspection_endpoint: String,
    /// Where tokens are ended.
    pub revocation_endpoint: String,
    /// Where the public keys are.
    pub jwks_uri: String,
    /// The scopes that guards ask for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes_supported: Vec<String>,
    /// None: there is no authorization endpoint.
    pub response_types_supported: [&'static str; 0],
    /// The grants.
    pub grant_types_supported: [&'static str; 1],
    /// How clients authenticate at the token endpoint.
    pub token_endpoint_auth_methods_supported: [&'static str; 4],
    /// The algorithms of assertions there; each client's key has one of them.
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// How clients authenticate at the introspection endpoint.
    pub introspection_endpoint_auth_methods_supported: [&'static str; 4],
    /// The algorithms of assertions there.
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// How clients authenticate at the revocation endpoint.
    pub revocation_endpoint_auth_methods_supported: [&'static str; 4],
    /// The algorithms of assertions there.
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// Every client sees the same subject.
    pub subject_types_supported: [&'static str; 1],
    /// The algorithms of our signatures.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
}

/// The path is judged as it was sent: the issuer's own spelling is what counts (RFC 8414 section 3.3).
pub(super) fn decode(request: &Request<'_>) -> Decoded {
    let path = request.path;
    let inserted = [OAUTH, OPENID]
        .into_iter()
        .find_map(|well_known| path.strip_prefix(well_known));
    let of_issuer = inserted
        .or_else(|| path.strip_suffix(OPENID))
        .unwrap_or(path);
    Decoded {
        presented: Presented::Absent,
        call: Ok(Call::Metadata),
        reply: Reply::Issuer {
            path: of_issuer.to_owned(),
        },
    }
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    let refusal = match (result, reply) {
        (Ok(Outcome::Metadata(metadata)), Reply::Issuer { path }) => {
            match document(metadata, path) {
                Ok(document) => return headers::public_json(&document, jwks::CACHE_CONTROL),
                Err(refusal) => refusal,
            }
        }
        (Ok(_), _) => return super::unexpected(context),
        (Err(refusal), _) => refusal.clone(),
    };
    oauth_error::refuse_at_client_endpoint(&refusal, context)
}

/// The document of the issuer whose path is `path`.
fn document(metadata: &Metadata, path: &str) -> Result<Document, Refusal> {
    let url = Url::parse(&metadata.issuer)
        .map_err(|_| Fault::internal("the issuer identifier is not a URL"))?;
    // RFC 8414 section 3: a terminating `/` is not part of the path.
    if url.path().trim_end_matches('/') != path {
        return Err(Denied::NotFound { noun: "issuer" }.into());
    }
    // Endpoints stand at the root of the host, also where the issuer has a path.
    let at = |endpoint: &str| format!("{}{endpoint}", &url[..Position::BeforePath]);
    let assertion_algorithms = Algorithm::ALL.map(Algorithm::name).to_vec();
    Ok(Document {
        issuer: metadata.issuer.clone(),
        token_endpoint: at(TOKEN),
        introspection_endpoint: at(INTROSPECT),
        revocation_endpoint: at(REVOKE),
        jwks_uri: at(JWKS),
        scopes_supported: metadata.scopes.iter().map(str::to_owned).collect(),
        response_types_supported: [],
        grant_types_supported: [token::GRANT_TYPE],
        token_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
        token_endpoint_auth_signing_alg_values_supported: assertion_algorithms.clone(),
        introspection_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
        introspection_endpoint_auth_signing_alg_values_supported: assertion_algorithms.clone(),
        revocation_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
        revocation_endpoint_auth_signing_alg_values_supported: assertion_algorithms,
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: metadata
            .algorithms
            .iter()
            .map(|a| a.name())
            .collect(),
    })
}
