//! `countersign client`

use super::{ALL, edit, version};
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
    values::{self, ClientKind, Spelling, State},
};
use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

/// What can be done with clients.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the clients of an environment
    List {
        /// The environment
        environment: String,
        /// Only those of this organization
        #[arg(long)]
        organization: Option<String>,
    },
    /// Show a client
    Show {
        /// The environment
        environment: String,
        /// Its identifier
        client: String,
    },
    /// Make a client
    Create(Create),
    /// Change a client
    Edit {
        /// The environment
        environment: String,
        /// Its identifier
        client: String,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Whether its credentials and tokens are accepted
        #[arg(long)]
        state: Option<State>,
        /// What its credentials may be given at most, all of it (repeat for more)
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// The resources that its tokens may be meant for, all of them (repeat for more)
        #[arg(long = "resource", value_name = "URI")]
        resources: Vec<String>,
        /// The resources that it serves itself, all of them (repeat for more)
        #[arg(long = "serves", value_name = "URI")]
        serves: Vec<String>,
        /// How it vouches for its users.
        #[command(flatten)]
        platform: Platform,
        /// Who may sign in at it with a passcode by e-mail
        #[arg(long)]
        sign_in: Option<SignIn>,
        /// Empty a list, or end what was said
        #[arg(long, value_name = "MEMBER")]
        clear: Vec<Clear>,
    },
    /// Remove a client for good, with its credentials
    Delete {
        /// The environment
        environment: String,
        /// Its identifier
        client: String,
    },
    /// Set where a service provider hears of its people's answers; what is left out is told nowhere. The secret that signs
    /// is shown with the first address, and forgotten without any: to replace it, give none, then give them again
    Callbacks {
        /// The environment
        environment: String,
        /// Its identifier
        client: String,
        /// Where each change of its objects is told, with the whole object: an https URL
        #[arg(long, value_name = "URL")]
        callback_url: Option<String>,
        /// Where each change is told by its name only: an https URL
        #[arg(long, value_name = "URL")]
        notification_url: Option<String>,
    },
    /// Refuse every token that was issued to it until now
    EndTokens {
        /// The environment
        environment: String,
        /// Its identifier
        client: String,
    },
}

/// A client to make.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The environment
    environment: String,
    /// The organization that owns it
    #[arg(long)]
    organization: String,
    /// What people call it
    #[arg(long)]
    name: String,
    /// What kind of application it is
    #[arg(long)]
    kind: ClientKind,
    /// Its identifier; made up in its spelling unless brought along from elsewhere
    #[arg(long)]
    id: Option<String>,
    /// How its identifier and secrets are spelled; `countersign` unless given
    #[arg(long)]
    spelling: Option<Spelling>,
    /// What its credentials may be given at most (repeat for more)
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A resource that its tokens may be meant for (repeat for more)
    #[arg(long = "resource", value_name = "URI")]
    resources: Vec<String>,
    /// A resource that it serves itself: it may introspect tokens that are meant for it (repeat for more)
    #[arg(long = "serves", value_name = "URI")]
    serves: Vec<String>,
    /// For platforms: what its partners put into the path, for good; made up unless given
    #[arg(long)]
    code: Option<String>,
    /// How it vouches for its users.
    #[command(flatten)]
    platform: Platform,
    /// Who may sign in at it with a passcode by e-mail; nobody unless given
    #[arg(long)]
    sign_in: Option<SignIn>,
    /// Its number, where it is brought along from elsewhere
    #[arg(long)]
    number: Option<u64>,
    /// Its maker's number, where it is brought along
    #[arg(long)]
    maker_number: Option<u64>,
}

/// How a platform vouches for its users.
#[derive(Debug, clap::Args)]
pub struct Platform {
    /// For platforms: the one algorithm of its assertions; RS512 unless given
    #[arg(long)]
    algorithm: Option<String>,
    /// For platforms: whether an assertion without jti is good once only, too
    #[arg(long, value_name = "BOOL")]
    single_use: Option<bool>,
    /// For platforms: whether a user it vouches for is made when unknown
    #[arg(long, value_name = "BOOL")]
    enrols: Option<bool>,
    /// For platforms: the longest life of its assertions, 1h at most
    #[arg(long, value_name = "SPAN", value_parser = values::seconds)]
    assertion_lifetime: Option<u64>,
}

impl Platform {
    fn body(self, code: Option<String>) -> Body {
        Body::default()
            .set("code", code)
            .set("algorithm", self.algorithm)
            .set("single_use", self.single_use)
            .set("enrols", self.enrols)
            .set("token_lifetime_max_s", self.assertion_lifetime)
    }
}

/// Who may sign in by themselves. It tells callers whether an address is known, by design of that API.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SignIn {
    /// Subjects that are there
    Known,
    /// Anyone: an unknown address becomes a new subject
    Anyone,
}

impl From<SignIn> for Value {
    fn from(who: SignIn) -> Self {
        json!({ "sign_ups": matches!(who, SignIn::Anyone) })
    }
}

/// What can be cleared.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Clear {
    /// It may do nothing
    Scopes,
    /// Its tokens are meant for the issuer alone
    Resources,
    /// It serves no resource
    Serves,
    /// Nobody signs in at it
    SignIn,
}

const LIST: &[Column] = &[
    ("CLIENT", "id"),
    ("NAME", "display_name"),
    ("ORGANIZATION", "organization"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("SCOPES", "scopes"),
];

const SHOW: &[Column] = &[
    ("client", "id"),
    ("environment", "environment"),
    ("organization", "organization"),
    ("name", "display_name"),
    ("kind", "kind"),
    ("spelling", "spelling"),
    ("state", "state"),
    ("scopes", "scopes"),
    ("resources", "resources"),
    ("serves", "serves"),
    ("platform", "platform"),
    ("sign in", "sign_in"),
    ("service provider", "provider"),
    ("number", "number"),
    ("maker's number", "maker_number"),
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
        Command::List {
            environment,
            organization,
        } => {
            let path = ["environments", &environment, "clients"];
            let rows = api
                .list(&path, &[("organization", organization)], ALL)
                .await?;
            output.rows("client", LIST, &rows);
        }
        Command::Show {
            environment,
            client,
        } => {
            output.row(
                SHOW,
                &api.get(&["environments", &environment, "clients", &client])
                    .await?,
            );
        }
        Command::Create(new) => create(new, api, output).await?,
        Command::Edit {
            environment,
            client,
            name,
            state,
            scopes,
            resources,
            serves,
            platform,
            sign_in,
            clear,
        } => {
            let body = Body::default()
                .set("display_name", name)
                .set("state", state)
                .list("scopes", &scopes)
                .list("resources", &resources)
                .list("serves", &serves)
                .within("platform", platform.body(None))
                .set("sign_in", sign_in)
                .clear(clear.into_iter().map(cleared));
            let path = ["environments", &environment, "clients", &client];
            edit(api, output, &path, body, SHOW).await?;
        }
        other => act(other, api, output).await?,
    }
    Ok(())
}

/// What is done with one, beyond its members.
async fn act(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Delete {
            environment,
            client,
        } => {
            delete(&environment, &client, api, output).await?;
        }
        Command::Callbacks {
            environment,
            client,
            callback_url,
            notification_url,
        } => {
            let body = Body::default()
                .set("callback_url", callback_url)
                .set("notification_url", notification_url);
            let path = [
                "environments",
                &environment,
                "clients",
                &client,
                "callbacks",
            ];
            let set = api.set(Method::PUT, &path, Some(&body.json())).await?;
            output.row(SHOW, &set);
        }
        Command::EndTokens {
            environment,
            client,
        } => {
            let path = [
                "environments",
                &environment,
                "clients",
                &client,
                "end-tokens",
            ];
            api.post(&path, None).await?;
            output.done(&format!("Tokens issued to {client} until now are refused."));
        }
        _ => {}
    }
    Ok(())
}

async fn delete(
    environment: &str,
    client: &str,
    api: &Api,
    output: &mut Output,
) -> Result<(), Failure> {
    let path = ["environments", environment, "clients", client];
    let before = api.get(&path).await?;
    api.change(Method::DELETE, &path, version(&before)?, None)
        .await?;
    output.done(&format!("The client {client} of {environment} is removed."));
    Ok(())
}

async fn create(new: Create, api: &Api, output: &mut Output) -> Result<(), Failure> {
    let body = Body::default()
        .set("id", new.id)
        .set("organization", Some(new.organization))
        .set("display_name", Some(new.name))
        .set("kind", Some(new.kind))
        .set("spelling", new.spelling)
        .list("scopes", &new.scopes)
        .list("resources", &new.resources)
        .list("serves", &new.serves)
        .within("platform", new.platform.body(new.code))
        .set("sign_in", new.sign_in)
        .set("number", new.number)
        .set("maker_number", new.maker_number);
    let path = ["environments", &new.environment, "clients"];
    let made = api.post(&path, Some(&body.json())).await?;
    output.row(SHOW, &made);
    Ok(())
}

fn cleared(member: Clear) -> (&'static str, Value) {
    match member {
        Clear::Scopes => ("scopes", json!([])),
        Clear::Resources => ("resources", json!([])),
        Clear::Serves => ("serves", json!([])),
        Clear::SignIn => ("sign_in", Value::Null),
    }
}
