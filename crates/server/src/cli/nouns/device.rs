//! `countersign device`

use super::ALL;
use crate::cli::{
    api::Api,
    failure::Failure,
    output::{Column, Output},
};
use clap::Subcommand;
use serde_json::Value;

/// What can be done with devices: people's phones.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List devices
    List {
        /// The environment
        environment: String,
    },
    /// Show a device with its assets
    Show(Which),
    /// Let its PIN be tried again, and its assets be used
    Unlock(Which),
    /// Remove a device for good: its keys are destroyed, and it approves for nobody any more
    Remove(Which),
}

/// A device.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The environment
    environment: String,
    /// Its name: the thumbprint of its key
    device: String,
}

impl Which {
    fn path<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [
            &["environments", &self.environment, "devices", &self.device],
            more,
        ]
        .concat()
    }
}

const LIST: &[Column] = &[
    ("DEVICE", "id"),
    ("NAME", "name"),
    ("LOCKED", "locked_at"),
    ("FOR", "for"),
    ("WAITING", "waiting"),
];

const SHOW: &[Column] = &[
    ("device", "id"),
    ("environment", "environment"),
    ("name", "name"),
    ("locked since", "locked_at"),
    ("wrong PINs", "wrong_pins"),
    ("for", "for"),
    ("requests waiting", "waiting"),
    ("enrolled", "created_at"),
    ("changed", "updated_at"),
];

const ASSETS: &[Column] = &[
    ("ASSET", "id"),
    ("SERVICE PROVIDER", "provider"),
    ("NAME", "provider_name"),
    ("STATE", "state"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::List { environment } => {
            let rows = api
                .list(&["environments", &environment, "devices"], &[], ALL)
                .await?;
            if output.json {
                output.machine(&Value::Array(rows));
            } else {
                let rows: Vec<Value> = rows.into_iter().map(with_links).collect();
                output.rows("device", LIST, &rows);
            }
        }
        Command::Show(which) => show(api.get(&which.path(&[])).await?, output),
        Command::Unlock(which) => show(api.post(&which.path(&["unlock"]), None).await?, output),
        Command::Remove(which) => {
            api.end(&which.path(&[])).await?;
            output.done(&format!(
                "The device {} is gone, and its keys with it.",
                which.device
            ));
        }
    }
    Ok(())
}

fn show(device: Value, output: &mut Output) {
    if output.json {
        output.machine(&device);
        return;
    }
    let assets = device.get("assets").and_then(Value::as_array).cloned();
    output.row(SHOW, &with_links(device));
    output.say("");
    output.rows("asset", ASSETS, &assets.unwrap_or_default());
}

/// With `for`: whom it approves for, in words.
fn with_links(mut device: Value) -> Value {
    let links = device.get("links").and_then(Value::as_array);
    let words: Vec<Value> = links.into_iter().flatten().map(in_words).collect();
    if let Some(members) = device.as_object_mut() {
        members.insert("for".into(), Value::Array(words));
    }
    device
}

fn in_words(link: &Value) -> Value {
    let text = |member: &str| link.get(member).and_then(Value::as_str).unwrap_or_default();
    let of = match text("organization") {
        "" => String::new(),
        organization => format!("{organization}/"),
    };
    format!("{} {of}{}", text("kind"), text("id")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whom_a_device_approves_for_is_told_in_words() {
        let device = json!({"links": [
            {"kind": "subject", "id": "s1"},
            {"kind": "approver", "organization": "acme", "id": "ada"},
        ]});
        let shown = with_links(device);
        assert_eq!(shown["for"], json!(["subject s1", "approver acme/ada"]));
    }
}
