//! `countersign credential`

use super::{ALL, edit};
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    files,
    output::{Column, Output},
    values::{self, CredentialKind, Rate},
};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What can be done with credentials.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the credentials of an environment
    List {
        /// The environment
        environment: String,
        /// Only those of this client
        #[arg(long)]
        client: Option<String>,
    },
    /// Show a credential, without its secret
    Show {
        /// The environment
        environment: String,
        /// Its public name
        credential: String,
    },
    /// Make a credential for a client; its secret is shown once
    Create {
        /// The environment
        environment: String,
        /// The client
        client: String,
        /// What kind
        #[arg(long)]
        kind: CredentialKind,
        /// For public_key and signing_secret: the algorithm, such as RS256; a platform's own unless given
        #[arg(long)]
        algorithm: Option<String>,
        /// For public_key: a file with the public half as a JWK; without it an RSA pair is made, and its private
        /// half shown once
        #[arg(long, value_name = "FILE")]
        jwk_file: Option<PathBuf>,
        /// What every credential has.
        #[command(flatten)]
        lifecycle: Lifecycle,
    },
    /// Change a credential
    Edit {
        /// The environment
        environment: String,
        /// Its public name
        credential: String,
        /// What every credential has.
        #[command(flatten)]
        lifecycle: Lifecycle,
        /// Take a bound away, or empty a list
        #[arg(long, value_name = "MEMBER")]
        clear: Vec<Clear>,
    },
    /// Make a successor; both work until the overlap is over
    Rotate {
        /// The environment
        environment: String,
        /// Its public name
        credential: String,
        /// How long the old one still works: 90s, 30m, 24h, 7d
        #[arg(long, value_name = "SPAN", value_parser = values::seconds)]
        overlap: u64,
    },
    /// Revoke a credential at once and for good
    Revoke {
        /// The environment
        environment: String,
        /// Its public name
        credential: String,
    },
}

/// What every credential has.
#[derive(Debug, clap::Args)]
pub struct Lifecycle {
    /// What it is for
    #[arg(long)]
    comment: Option<String>,
    /// What it may do, all of it (repeat for more)
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Refused before, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// Refused from here on, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
    /// Accepted only from this network (repeat for more)
    #[arg(long = "network", value_name = "NETWORK")]
    networks: Vec<String>,
    /// For registration_token: a browser origin from which it is accepted (repeat for more)
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// What its owner notes of it, all of it (repeat for more)
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::note)]
    metadata: Vec<(String, String)>,
    /// The version of the API that its caller expects, such as 2026-02-01
    #[arg(long, value_name = "DATE")]
    api_version: Option<String>,
    /// How often it may be used: per minute, and at once
    #[arg(long, value_name = "PER_MINUTE/BURST", value_parser = values::rate)]
    rate_limit: Option<Rate>,
}

impl Lifecycle {
    fn put(self, body: Body) -> Body {
        body.set("comment", self.comment)
            .list("scopes", &self.scopes)
            .set("not_before", self.not_before)
            .set("expires_at", self.expires_at)
            .list("allowed_networks", &self.networks)
            .list("origins", &self.origins)
            .notes("metadata", self.metadata)
            .set("api_version", self.api_version)
            .set("rate_limit", self.rate_limit)
    }
}

/// What can be cleared.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Clear {
    /// It may do nothing
    Scopes,
    /// It works from now on
    NotBefore,
    /// It never expires
    ExpiresAt,
    /// It is accepted from anywhere
    Networks,
    /// It is accepted from the origins of the guard
    Origins,
    /// Nothing is noted of it
    Metadata,
    /// Its caller expects no version of its own
    ApiVersion,
    /// It may be used as often as one likes
    RateLimit,
}

const LIST: &[Column] = &[
    ("CREDENTIAL", "id"),
    ("KIND", "kind"),
    ("CLIENT", "client"),
    ("HINT", "hint"),
    ("COMMENT", "comment"),
    ("EXPIRES", "expires_at"),
    ("REVOKED", "revoked_at"),
    ("LAST USED", "last_used_at"),
];

/// A credential in full.
pub const SHOW: &[Column] = &[
    ("credential", "id"),
    ("kind", "kind"),
    ("environment", "environment"),
    ("client", "client"),
    ("organization", "organization"),
    ("operator", "operator"),
    ("hint", "hint"),
    ("comment", "comment"),
    ("scopes", "scopes"),
    ("not before", "not_before"),
    ("expires", "expires_at"),
    ("revoked", "revoked_at"),
    ("networks", "allowed_networks"),
    ("origins", "origins"),
    ("metadata", "metadata"),
    ("API version", "api_version"),
    ("rate limit", "rate_limit"),
    ("algorithm", "algorithm"),
    ("replaces", "replaces"),
    ("replaced by", "replaced_by"),
    ("last used", "last_used_at"),
    ("made", "created_at"),
    ("version", "version"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::List {
            environment,
            client,
        } => {
            let path = ["environments", &environment, "credentials"];
            let rows = api.list(&path, &[("client", client)], ALL).await?;
            output.rows("credential", LIST, &rows);
        }
        Command::Show {
            environment,
            credential,
        } => {
            let path = ["environments", &environment, "credentials", &credential];
            output.row(SHOW, &api.get(&path).await?);
        }
        Command::Create {
            environment,
            client,
            kind,
            algorithm,
            jwk_file,
            lifecycle,
        } => {
            let jwk = jwk_file.as_deref().map(jwk).transpose()?;
            let body = Body::default().set("kind", Some(kind));
            let body = body.set("algorithm", algorithm).set("jwk", jwk);
            let body = lifecycle.put(body).json();
            let clients = ["environments", &environment, "clients"];
            let path = [&clients[..], &[&client, "credentials"]].concat();
            output.row(SHOW, &api.post(&path, Some(&body)).await?);
        }
        Command::Edit {
            environment,
            credential,
            lifecycle,
            clear,
        } => {
            let body = lifecycle.put(Body::default());
            let body = body.clear(clear.into_iter().map(cleared));
            let path = ["environments", &environment, "credentials", &credential];
            edit(api, output, &path, body, SHOW).await?;
        }
        Command::Rotate {
            environment,
            credential,
            overlap,
        } => rotate(api, output, &environment, &credential, overlap).await?,
        Command::Revoke {
            environment,
            credential,
        } => {
            let path = [
                "environments",
                &environment,
                "credentials",
                &credential,
                "revoke",
            ];
            api.post(&path, None).await?;
            output.done(&format!(
                "The credential {credential} is revoked. Tokens issued with it live on until they end; \
                 `countersign client end-tokens` ends them now."
            ));
        }
    }
    Ok(())
}

/// Make a successor, and say how long the old one still works.
async fn rotate(
    api: &Api,
    output: &mut Output,
    environment: &str,
    credential: &str,
    overlap: u64,
) -> Result<(), Failure> {
    let path = [
        "environments",
        environment,
        "credentials",
        credential,
        "rotate",
    ];
    let made = api
        .post(&path, Some(&json!({ "overlap_s": overlap })))
        .await?;
    output.row(SHOW, &made);
    output.say(format!("{credential} works for another {overlap} s."));
    Ok(())
}

fn jwk(path: &Path) -> Result<Value, Failure> {
    let text = files::text(path)?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::refused(format!("the JWK is not JSON: {error}"))
            .at(path.display().to_string())
            .advise("give one public key as RFC 7517 writes it, such as {\"kty\":\"RSA\",\"n\":..,\"e\":..}")
    })
}

fn cleared(member: Clear) -> (&'static str, Value) {
    match member {
        Clear::Scopes => ("scopes", json!([])),
        Clear::NotBefore => ("not_before", Value::Null),
        Clear::ExpiresAt => ("expires_at", Value::Null),
        Clear::Networks => ("allowed_networks", json!([])),
        Clear::Origins => ("origins", json!([])),
        Clear::Metadata => ("metadata", Value::Null),
        Clear::ApiVersion => ("api_version", Value::Null),
        Clear::RateLimit => ("rate_limit", Value::Null),
    }
}
