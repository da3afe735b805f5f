//! `countersign env`

use super::{ALL, edit};
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
    values::Mode,
};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

/// What can be done with environments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List environments
    List,
    /// Show an environment
    Show {
        /// Its name
        environment: String,
    },
    /// Make an environment. Its signing keys are made within ten seconds, or when they are first needed
    Create {
        /// Its name, for good
        environment: String,
        /// Sandbox or production, for good
        #[arg(long)]
        mode: Mode,
        /// Its issuer identifier, for good: a URL without query or fragment
        #[arg(long, value_name = "URL")]
        issuer: String,
        /// A host that leads here, with a port where only that port is meant (repeat for more)
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// A dialect whose paths are served (repeat for more); `standard` unless given
        #[arg(long = "dialect", value_name = "DIALECT")]
        dialects: Vec<String>,
        /// What its credentials begin with, for good; `cs` unless given
        #[arg(long)]
        brand: Option<String>,
        /// An origin whose browsers may call the dialects that are for browsers (repeat for more)
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
        /// Where its pages are, for links in mails: https and a host
        #[arg(long, value_name = "URL")]
        public_url: Option<String>,
        /// Where its phones answer, on a host of its own among its hosts: https and a host
        #[arg(long, value_name = "URL")]
        phone_url: Option<String>,
        /// The organization of service providers that register themselves; none may unless given
        #[arg(long, value_name = "ORGANIZATION")]
        provider_registrations: Option<String>,
    },
    /// Change an environment
    Edit {
        /// Its name
        environment: String,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Its hosts, all of them (repeat for more)
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
        /// Its dialects, all of them (repeat for more)
        #[arg(long = "dialect", value_name = "DIALECT")]
        dialects: Vec<String>,
        /// Its origins, all of them (repeat for more)
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
        /// Where its pages are, for links in mails: https and a host
        #[arg(long, value_name = "URL")]
        public_url: Option<String>,
        /// Where its phones answer, on a host of its own among its hosts: https and a host
        #[arg(long, value_name = "URL")]
        phone_url: Option<String>,
        /// The organization of service providers that register themselves
        #[arg(long, value_name = "ORGANIZATION")]
        provider_registrations: Option<String>,
        /// Empty a list, or take a member away
        #[arg(long, value_name = "MEMBER")]
        clear: Vec<Clear>,
    },
    /// Refuse every token that was issued in it until now
    EndTokens {
        /// Its name
        environment: String,
    },
}

/// What can be cleared.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Clear {
    /// No host leads to it
    Hosts,
    /// No dialect is served
    Dialects,
    /// No browser may call
    Origins,
    /// It has no pages: mails have no links
    PublicUrl,
    /// No device enrols in it
    PhoneUrl,
    /// No service provider registers itself
    ProviderRegistrations,
}

const LIST: &[Column] = &[
    ("ENVIRONMENT", "id"),
    ("MODE", "mode"),
    ("ISSUER", "issuer"),
    ("HOSTS", "hosts"),
    ("DIALECTS", "dialects"),
];

const SHOW: &[Column] = &[
    ("environment", "id"),
    ("name", "display_name"),
    ("mode", "mode"),
    ("issuer", "issuer"),
    ("hosts", "hosts"),
    ("dialects", "dialects"),
    ("brand", "brand"),
    ("allowed origins", "allowed_origins"),
    ("public URL", "public_url"),
    ("phone URL", "phone_url"),
    ("registrations", "provider_registrations"),
    ("tokens not before", "tokens_not_before"),
    ("made", "created_at"),
    ("version", "version"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::List => {
            let rows = api.list(&["environments"], &[], ALL).await?;
            output.rows("environment", LIST, &rows);
        }
        Command::Show { environment } => {
            output.row(SHOW, &api.get(&["environments", &environment]).await?);
        }
        Command::Create {
            environment,
            mode,
            issuer,
            hosts,
            name,
            dialects,
            brand,
            origins,
            public_url,
            phone_url,
            provider_registrations,
        } => {
            let body = Body::default()
                .set("id", Some(environment))
                .set("mode", Some(mode))
                .set("issuer", Some(issuer))
                .set("hosts", Some(hosts))
                .set("display_name", name)
                .list("dialects", &dialects)
                .set("brand", brand)
                .list("allowed_origins", &origins)
                .set("public_url", public_url)
                .set("phone_url", phone_url)
                .set("provider_registrations", provider_registrations);
            let made = api.post(&["environments"], Some(&body.json())).await?;
            output.row(SHOW, &made);
        }
        Command::Edit {
            environment,
            name,
            hosts,
            dialects,
            origins,
            public_url,
            phone_url,
            provider_registrations,
            clear,
        } => {
            let body = Body::default()
                .set("display_name", name)
                .list("hosts", &hosts)
                .list("dialects", &dialects)
                .list("allowed_origins", &origins)
                .set("public_url", public_url)
                .set("phone_url", phone_url)
                .set("provider_registrations", provider_registrations)
                .clear(clear.into_iter().map(cleared));
            edit(api, output, &["environments", &environment], body, SHOW).await?;
        }
        Command::EndTokens { environment } => {
            api.post(&["environments", &environment, "end-tokens"], None)
                .await?;
            output.done(&format!(
                "Tokens issued in {environment} until now are refused."
            ));
        }
    }
    Ok(())
}

fn cleared(member: Clear) -> (&'static str, Value) {
    match member {
        Clear::Hosts => ("hosts", json!([])),
        Clear::Dialects => ("dialects", json!([])),
        Clear::Origins => ("allowed_origins", json!([])),
        Clear::PublicUrl => ("public_url", Value::Null),
        Clear::PhoneUrl => ("phone_url", Value::Null),
        Clear::ProviderRegistrations => ("provider_registrations", Value::Null),
    }
}
