//! `countersign operator`

use super::{ALL, credential, edit};
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
    values::{Role, State},
};
use clap::Subcommand;

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say whose token this is
    Whoami,
    /// List operators
    List,
    /// Show an operator
    Show {
        /// The operator
        operator: String,
    },
    /// Make an operator; the first token is shown once
    Create {
        /// The name, for good
        operator: String,
        /// What the operator may do
        #[arg(long)]
        role: Role,
        /// What people call the operator
        #[arg(long)]
        name: Option<String>,
    },
    /// Change an operator
    Edit {
        /// The operator
        operator: String,
        /// What people call the operator
        #[arg(long)]
        name: Option<String>,
        /// What the operator may do
        #[arg(long)]
        role: Option<Role>,
        /// Whether the operator's tokens are accepted
        #[arg(long)]
        state: Option<State>,
    },
    /// List the tokens of all operators
    Tokens,
    /// Make another token of an operator; it is shown once
    CreateToken {
        /// The operator
        operator: String,
        /// What it is for
        #[arg(long)]
        comment: Option<String>,
        /// Refused from here on, such as 2026-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
        /// Accepted only from this network (repeat for more)
        #[arg(long = "network", value_name = "NETWORK")]
        networks: Vec<String>,
    },
    /// Revoke one token of an operator at once and for good
    RevokeToken {
        /// The token's public name, as `tokens` lists it: never the token itself
        token: String,
    },
}

const LIST: &[Column] = &[
    ("OPERATOR", "id"),
    ("NAME", "display_name"),
    ("ROLE", "role"),
    ("STATE", "state"),
];

const SHOW: &[Column] = &[
    ("operator", "id"),
    ("name", "display_name"),
    ("role", "role"),
    ("state", "state"),
    ("number", "number"),
    ("made", "created_at"),
    ("version", "version"),
];

const TOKENS: &[Column] = &[
    ("TOKEN", "id"),
    ("OPERATOR", "operator"),
    ("HINT", "hint"),
    ("COMMENT", "comment"),
    ("EXPIRES", "expires_at"),
    ("REVOKED", "revoked_at"),
    ("LAST USED", "last_used_at"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Whoami => output.row(SHOW, &api.get(&["whoami"]).await?),
        Command::List => {
            let rows = api.list(&["operators"], &[], ALL).await?;
            output.rows("operator", LIST, &rows);
        }
        Command::Show { operator } => {
            output.row(SHOW, &api.get(&["operators", &operator]).await?);
        }
        Command::Create {
            operator,
            role,
            name,
        } => {
            let body = Body::default()
                .set("id", Some(operator))
                .set("role", Some(role))
                .set("display_name", name);
            let made = api.post(&["operators"], Some(&body.json())).await?;
            output.row(SHOW, &made);
        }
        Command::Edit {
            operator,
            name,
            role,
            state,
        } => {
            let body = Body::default()
                .set("display_name", name)
                .set("role", role)
                .set("state", state);
            edit(api, output, &["operators", &operator], body, SHOW).await?;
        }
        Command::Tokens => {
            let rows = api.list(&["operator-tokens"], &[], ALL).await?;
            output.rows("token of an operator", TOKENS, &rows);
        }
        Command::CreateToken {
            operator,
            comment,
            expires_at,
            networks,
        } => {
            let body = Body::default()
                .set("comment", comment)
                .set("expires_at", expires_at)
                .list("allowed_networks", &networks);
            let path = ["operators", &operator, "tokens"];
            let made = api.post(&path, Some(&body.json())).await?;
            output.row(credential::SHOW, &made);
        }
        Command::RevokeToken { token } => {
            api.post(&["operator-tokens", &token, "revoke"], None)
                .await?;
            output.done(&format!("The token {token} is revoked."));
        }
    }
    Ok(())
}
