//! `countersign approver`

use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
};
use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;

/// What can be done with approvers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the approvers of an organization
    List {
        /// The environment
        environment: String,
        /// The organization
        organization: String,
    },
    /// Show an approver
    Show(Which),
    /// Add an approver; it approves as soon as a phone is linked to it
    Add {
        /// Whom.
        #[command(flatten)]
        which: Which,
        /// What people call it; receipts say it. Its name unless given
        #[arg(long)]
        name: Option<String>,
        /// A group that it is in, as guards name it (repeat for more)
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Change an approver
    #[command(visible_alias = "edit")]
    Set {
        /// Whom.
        #[command(flatten)]
        which: Which,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Its groups, all of them (repeat for more)
        #[arg(long = "group", value_name = "GROUP", conflicts_with = "no_groups")]
        groups: Vec<String>,
        /// It is in no group
        #[arg(long)]
        no_groups: bool,
    },
    /// Remove an approver: its phone approves for it no more
    Remove(Which),
    /// Make a nonce that links a phone to an approver: whoever types it in approves from then on
    Link(Which),
}

/// An approver.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The environment
    environment: String,
    /// The organization
    organization: String,
    /// Its name
    approver: String,
}

impl Which {
    fn path<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let all = people(&self.environment, &self.organization);
        [&all[..], &[&self.approver], more].concat()
    }
}

fn people<'a>(environment: &'a str, organization: &'a str) -> [&'a str; 5] {
    [
        "environments",
        environment,
        "organizations",
        organization,
        "approvers",
    ]
}

const LIST: &[Column] = &[
    ("APPROVER", "id"),
    ("NAME", "display_name"),
    ("GROUPS", "groups"),
    ("DEVICE", "device"),
];

const SHOW: &[Column] = &[
    ("approver", "id"),
    ("name", "display_name"),
    ("groups", "groups"),
    ("device", "device"),
    ("added", "created_at"),
];

/// What is shown of a nonce.
pub const NONCE: &[Column] = &[
    ("type into the phone", "nonce_formatted"),
    ("or open on it", "link"),
    ("good until", "expires_at"),
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
            let list = api.get(&people(&environment, &organization)).await?;
            output.rows("approver", LIST, &items(&list));
        }
        Command::Show(which) => {
            let list = api
                .get(&people(&which.environment, &which.organization))
                .await?;
            show(&list, &which.approver, output)?;
        }
        Command::Add {
            which,
            name,
            groups,
        } => {
            let body = Body::default()
                .set("id", Some(which.approver.as_str()))
                .set("display_name", name)
                .list("groups", &groups);
            let path = people(&which.environment, &which.organization);
            let list = api.post(&path, Some(&body.json())).await?;
            show(&list, &which.approver, output)?;
        }
        Command::Set {
            which,
            name,
            groups,
            no_groups,
        } => {
            let none = no_groups.then(|| Value::Array(Vec::new()));
            let body = Body::default()
                .set("display_name", name)
                .list("groups", &groups)
                .set("groups", none);
            if body.is_empty() {
                return Err(Failure::usage("nothing to change was said")
                    .advise("see the options of this command with --help"));
            }
            let path = which.path(&[]);
            let list = api.set(Method::PATCH, &path, Some(&body.json())).await?;
            show(&list, &which.approver, output)?;
        }
        Command::Remove(which) => {
            api.set(Method::DELETE, &which.path(&[]), None).await?;
            output.done(&format!("{} approves no more.", which.approver));
        }
        Command::Link(which) => {
            let nonce = api.post(&which.path(&["link-nonce"]), None).await?;
            output.row(NONCE, &nonce);
        }
    }
    Ok(())
}

fn items(list: &Value) -> Vec<Value> {
    let items = list.get("items").and_then(Value::as_array);
    items.cloned().unwrap_or_default()
}

fn show(list: &Value, approver: &str, output: &mut Output) -> Result<(), Failure> {
    let is_it = |row: &&Value| row.get("id").and_then(Value::as_str) == Some(approver);
    let items = items(list);
    let found = items.iter().find(is_it).ok_or_else(|| {
        Failure::refused(format!("there is no approver `{approver}`"))
            .advise("`countersign approver list` shows who is there")
    })?;
    output.row(SHOW, found);
    Ok(())
}
