//! `countersign approval`: what people were asked and answered, and receipts, which are checked without a server.

use crate::cli::{
    api::Api,
    connect::Connection,
    failure::Failure,
    files,
    output::{Column, Output},
};
use clap::{ArgGroup, Subcommand};
use countersign_engine::receipt::{Anchor, CheckedVote, Receipt, ReceiptError, verify_receipt};
use countersign_jose::JwkSet;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What can be done with approvals.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List approvals, newest first
    List {
        /// The environment
        environment: String,
        /// Only those of this organization
        #[arg(long)]
        organization: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show an approval
    Show(Which),
    /// Print the receipt of an approval: one line, to be kept as it is
    Receipt(Which),
    /// Print the public keys of receipts, as JSON: to be kept by whoever checks receipts
    Keys {
        /// The environment
        environment: String,
    },
    /// Check a receipt: by the keys that you kept, or the thumbprint of one, and without any server
    Verify(Verify),
}

/// An approval.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The environment
    environment: String,
    /// Its identifier
    approval: String,
}

/// A receipt to check.
#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("anchor").required(true).args(["keys", "thumbprint"])))]
pub struct Verify {
    /// A file with the receipt; - for standard input
    file: PathBuf,
    /// A file with the keys, as `approval keys` printed them once
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// The thumbprint of the key that signed (RFC 7638)
    #[arg(long, value_name = "THUMBPRINT")]
    thumbprint: Option<String>,
}

impl Which {
    fn path(&self) -> [&str; 4] {
        [
            "environments",
            &self.environment,
            "approvals",
            &self.approval,
        ]
    }
}

const LIST: &[Column] = &[
    ("APPROVAL", "id"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("BY", "client"),
    ("FOR", "subject"),
    ("TARGET", "target"),
    ("MADE", "created_at"),
];

const SHOW: &[Column] = &[
    ("approval", "id"),
    ("environment", "environment"),
    ("organization", "organization"),
    ("kind", "kind"),
    ("state", "state"),
    ("asked by", "client"),
    ("for", "subject"),
    ("guard", "guard"),
    ("method", "method"),
    ("host", "host"),
    ("target", "target"),
    ("body", "content_digest"),
    ("asset", "asset"),
    ("fingerprint", "fingerprint"),
    ("code", "code"),
    ("must approve", "needed"),
    ("answers", "votes"),
    ("used", "used_at"),
    ("used by", "used_by"),
    ("made", "created_at"),
    ("ends", "expires_at"),
];

const CHECKED: &[Column] = &[
    ("outcome", "outcome"),
    ("approval", "record/approval"),
    ("environment", "record/environment"),
    ("issuer", "record/issuer"),
    ("asked by", "record/asked_by"),
    ("what for", "record/text"),
    ("code", "record/code"),
    ("request", "record/bound"),
    ("fingerprint", "record/fingerprint"),
    ("finished", "finished_at"),
    ("signed by", "signed_by"),
];

const VOTES: &[Column] = &[
    ("APPROVER", "approver"),
    ("NAME", "approver_name"),
    ("DECISION", "decision"),
    ("AT", "at"),
    ("DEVICE", "device"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    let command = match command {
        Command::Verify(verify) => return check(&verify, output),
        other => other,
    };
    let api = Api::new(connection.settle()?)?;
    match command {
        Command::List {
            environment,
            organization,
            limit,
        } => {
            let path = ["environments", &environment, "approvals"];
            let query = [("organization", organization)];
            let rows = api.list(&path, &query, limit).await?;
            output.rows("approval", LIST, &rows);
        }
        Command::Show(which) => output.row(SHOW, &api.get(&which.path()).await?),
        Command::Receipt(which) => {
            let approval = api.get(&which.path()).await?;
            let receipt = approval.get("receipt").and_then(Value::as_str);
            let receipt = receipt.ok_or_else(|| {
                let state = approval.get("state").and_then(Value::as_str);
                let state = state.unwrap_or("unknown");
                Failure::refused(format!(
                    "there is no receipt: the approval is {state}, not approved or rejected"
                ))
            })?;
            output.machine(&json!({ "receipt": receipt }));
            output.say(receipt);
        }
        Command::Keys { environment } => {
            let path = ["environments", &environment, "key-sets", "receipts"];
            let keys = keys(&api.get(&path).await?)?;
            output.machine(&keys);
            // It is a document for both.
            output.say(format!("{keys:#}"));
        }
        Command::Verify(_) => {}
    }
    Ok(())
}

/// The public keys of a set, as a JWK set. Nobody should keep an empty one.
fn keys(set: &Value) -> Result<Value, Failure> {
    let keys = set.get("keys").and_then(Value::as_array);
    let public = keys.into_iter().flatten().filter_map(|key| {
        let mut jwk = key.get("jwk")?.as_object()?.clone();
        for (member, from) in [("kid", "kid"), ("alg", "algorithm")] {
            if let Some(value) = key.get(from) {
                jwk.insert(member.to_owned(), value.clone());
            }
        }
        Some(Value::Object(jwk))
    });
    let public: Vec<Value> = public.collect();
    match public.is_empty() {
        true => Err(Failure::refused("there is no key of receipts yet")
            .advise("try again in ten seconds: a new environment's keys are being made")),
        false => Ok(json!({ "keys": public })),
    }
}

fn check(verify: &Verify, output: &mut Output) -> Result<(), Failure> {
    let receipt = files::text(&verify.file)?;
    let set;
    let anchor = match (&verify.keys, &verify.thumbprint) {
        (Some(path), _) => {
            let text = files::text(path)?;
            let read = serde_json::from_str::<JwkSet>(&text);
            set = read.map_err(|error| {
                Failure::refused(format!("this is no set of keys: {error}"))
                    .at(path.display().to_string())
                    .advise("`countersign approval keys` prints one")
            })?;
            Anchor::Keys(&set)
        }
        (None, Some(thumbprint)) => Anchor::Thumbprint(thumbprint),
        (None, None) => return Err(refused(ReceiptError::NoAnchor)),
    };
    let receipt = verify_receipt(receipt.trim(), anchor).map_err(refused)?;
    told(&receipt, output);
    match receipt.approved {
        true => Ok(()),
        false => Err(Failure::rejected(
            "the receipt holds, and what it says is that the request was rejected",
        )),
    }
}

fn refused(error: ReceiptError) -> Failure {
    match error {
        ReceiptError::NoAnchor => Failure::usage(error.to_string()).advise(
            "give the keys that you kept with --keys, or the thumbprint of one with --thumbprint",
        ),
        ReceiptError::Stranger => Failure::refused(error.to_string()).advise(
            "see that the keys are those of this environment: `countersign approval keys` prints them",
        ),
        _ => Failure::refused(format!("the receipt does not hold: {error}")),
    }
}

fn told(receipt: &Receipt, output: &mut Output) {
    let votes: Vec<Value> = receipt.votes.iter().map(vote).collect();
    let document = json!({
        "outcome": if receipt.approved { "approved" } else { "rejected" },
        "record": receipt.record,
        "votes": votes,
        "finished_at": time(receipt.finished_at),
        "signed_by": receipt.signed_by,
    });
    if output.json {
        output.machine(&document);
        return;
    }
    output.row(CHECKED, &document);
    output.say("");
    output.rows("answer", VOTES, &votes);
}

fn vote(vote: &CheckedVote) -> Value {
    json!({
        "approver": vote.approver,
        "approver_name": vote.approver_name,
        "decision": if vote.approves { "approve" } else { "reject" },
        "device": vote.device,
        "at": time(vote.at),
    })
}

fn time(at: countersign_engine::time::Timestamp) -> String {
    countersign_dialects::admin::time::write(at)
}
