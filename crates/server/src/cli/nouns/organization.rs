//! `countersign org`

use super::{ALL, edit};
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
    values::State,
};
use clap::Subcommand;

/// What can be done with organizations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List organizations
    List,
    /// Show an organization
    Show {
        /// Its name
        organization: String,
    },
    /// Make an organization
    Create {
        /// Its name, for good; made up unless given
        organization: Option<String>,
        /// What people call it
        #[arg(long)]
        name: String,
        /// Its number, where it is brought along from elsewhere
        #[arg(long)]
        number: Option<u64>,
    },
    /// Change an organization
    Edit {
        /// Its name
        organization: String,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Whether anything of it is accepted
        #[arg(long)]
        state: Option<State>,
    },
    /// Refuse every token that was issued to its clients until now
    EndTokens {
        /// Its name
        organization: String,
    },
}

const LIST: &[Column] = &[
    ("ORGANIZATION", "id"),
    ("NAME", "display_name"),
    ("STATE", "state"),
    ("NUMBER", "number"),
];

const SHOW: &[Column] = &[
    ("organization", "id"),
    ("name", "display_name"),
    ("state", "state"),
    ("number", "number"),
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
            let rows = api.list(&["organizations"], &[], ALL).await?;
            output.rows("organization", LIST, &rows);
        }
        Command::Show { organization } => {
            output.row(SHOW, &api.get(&["organizations", &organization]).await?);
        }
        Command::Create {
            organization,
            name,
            number,
        } => {
            let body = Body::default()
                .set("id", organization)
                .set("display_name", Some(name))
                .set("number", number);
            let made = api.post(&["organizations"], Some(&body.json())).await?;
            output.row(SHOW, &made);
        }
        Command::Edit {
            organization,
            name,
            state,
        } => {
            let body = Body::default()
                .set("display_name", name)
                .set("state", state);
            edit(api, output, &["organizations", &organization], body, SHOW).await?;
        }
        Command::EndTokens { organization } => {
            api.post(&["organizations", &organization, "end-tokens"], None)
                .await?;
            output.done(&format!(
                "Tokens issued to clients of {organization} until now are refused."
            ));
        }
    }
    Ok(())
}
