//! `countersign keys`

use super::ALL;
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
    values,
};
use clap::Subcommand;
use serde_json::{Value, json};

/// What can be done with signing keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the signing keys of an environment, set by set
    List {
        /// The environment
        environment: String,
    },
    /// Show a key set with its public keys
    Show {
        /// The environment
        environment: String,
        /// The key set
        set: String,
    },
    /// Retire the current key, promote the next, make a new next
    Rotate {
        /// The environment
        environment: String,
        /// The key set
        set: String,
        /// How long signatures of the retired key still count: 90s, 30m, 24h, 7d. Unless given: as long as the
        /// tokens live that it signed, and five minutes, for which clients may keep the key set. After a leak: 0s
        #[arg(long, value_name = "SPAN", value_parser = values::seconds)]
        overlap: Option<u64>,
        /// Also when the next key was published less than six minutes ago: clients that keep the key set
        /// refuse what it signs until they read the set again. As after a leak
        #[arg(long)]
        force: bool,
    },
}

const KEYS: &[Column] = &[
    ("SET", "set"),
    ("STATE", "state"),
    ("ALGORITHM", "algorithm"),
    ("KEY", "kid"),
    ("MADE", "created_at"),
    ("ENDS", "ends_at"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::List { environment } => {
            let path = ["environments", &environment, "key-sets"];
            show(output, api.list(&path, &[], ALL).await?);
        }
        Command::Show { environment, set } => {
            let row = api
                .get(&["environments", &environment, "key-sets", &set])
                .await?;
            show(output, vec![row]);
        }
        Command::Rotate {
            environment,
            set,
            overlap,
            force,
        } => {
            let body = Body::default()
                .set("overlap_s", overlap)
                .set("force", force.then_some(true))
                .json();
            let path = ["environments", &environment, "key-sets", &set, "rotate"];
            show(output, vec![api.post(&path, Some(&body)).await?]);
        }
    }
    Ok(())
}

/// A line for each key; for machines the sets as they are, with the public keys.
fn show(output: &mut Output, sets: Vec<Value>) {
    output.machine(&Value::Array(sets.clone()));
    if output.json {
        return;
    }
    let lines = |set: &Value| {
        let name = set.get("name").cloned().unwrap_or_default();
        let keys = set.get("keys").and_then(Value::as_array).cloned();
        keys.unwrap_or_default().into_iter().map(move |mut key| {
            if let Some(key) = key.as_object_mut() {
                key.insert("set".into(), json!(name));
            }
            key
        })
    };
    let rows: Vec<Value> = sets.iter().flat_map(lines).collect();
    output.rows("signing key yet", KEYS, &rows);
}
