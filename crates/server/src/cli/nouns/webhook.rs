//! `countersign webhook`

use super::{ALL, edit, version};
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
    values::seconds,
};
use clap::Subcommand;
use reqwest::Method;

/// What can be done with webhooks, and with what waits to leave.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the webhook subscriptions of an organization
    List {
        /// Where
        environment: String,
        /// Whose
        #[arg(long)]
        organization: String,
    },
    /// Show a webhook subscription
    Show {
        /// Where
        environment: String,
        /// Its name
        webhook: String,
    },
    /// Make a webhook subscription; its secret is told once
    Create {
        /// Where
        environment: String,
        /// Whose events
        #[arg(long)]
        organization: String,
        /// What people call it
        #[arg(long)]
        name: String,
        /// Where events are sent: an https URL
        #[arg(long, value_name = "URL")]
        target: String,
        /// A type of event, whole or its first words: profile.created, profile (repeat for more)
        #[arg(long = "event", value_name = "TYPE", required = true)]
        events: Vec<String>,
    },
    /// Change a webhook subscription
    Edit {
        /// Where
        environment: String,
        /// Its name
        webhook: String,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Where events are sent: an https URL
        #[arg(long, value_name = "URL")]
        target: Option<String>,
        /// A type of event, all of them (repeat for more)
        #[arg(long = "event", value_name = "TYPE")]
        events: Vec<String>,
        /// Whether nothing is delivered: true or false
        #[arg(long, value_name = "BOOL")]
        disabled: Option<bool>,
    },
    /// Remove a webhook subscription, with what still waits for it
    Remove {
        /// Where
        environment: String,
        /// Its name
        webhook: String,
    },
    /// Make a new secret; deliveries are signed with the old one too until the overlap is over
    Rotate {
        /// Where
        environment: String,
        /// Its name
        webhook: String,
        /// How long both are used, such as 7d, 12h or 0
        #[arg(long, value_name = "SPAN", value_parser = seconds)]
        overlap: u64,
    },
    /// List what waits to leave, oldest first
    Deliveries {
        /// Where
        environment: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// List what was given up, oldest first
    DeadLetters {
        /// Where
        environment: String,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show a delivery
    Delivery {
        /// Where
        environment: String,
        /// Its name
        delivery: String,
    },
    /// Try a delivery again at once; a dead letter gets as many attempts as a new one
    Replay {
        /// Where
        environment: String,
        /// Its name
        delivery: String,
    },
    /// Take a delivery away for good
    Discard {
        /// Where
        environment: String,
        /// Its name
        delivery: String,
    },
}

const LIST: &[Column] = &[
    ("WEBHOOK", "id"),
    ("NAME", "name"),
    ("TARGET", "target_url"),
    ("EVENTS", "event_types"),
    ("DISABLED", "disabled"),
];

const SHOW: &[Column] = &[
    ("webhook", "id"),
    ("organization", "organization"),
    ("name", "name"),
    ("target", "target_url"),
    ("events", "event_types"),
    ("disabled", "disabled"),
    ("old secret until", "previous_secret_until"),
    ("made", "created_at"),
    ("changed", "updated_at"),
    ("version", "version"),
];

const DELIVERIES: &[Column] = &[
    ("DELIVERY", "id"),
    ("TO", "destination"),
    ("EVENT", "event_type"),
    ("ATTEMPTS", "attempts"),
    ("DUE", "due_at"),
    ("WHY", "last_error"),
];

const DELIVERY: &[Column] = &[
    ("delivery", "id"),
    ("organization", "organization"),
    ("to", "destination"),
    ("state", "state"),
    ("event", "event"),
    ("event type", "event_type"),
    ("subject", "subject"),
    ("attempts", "attempts"),
    ("due", "due_at"),
    ("why", "last_error"),
    ("made", "created_at"),
    ("forgotten", "forgotten_at"),
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
            let path = ["environments", &environment, "webhooks"];
            let query = [("organization", Some(organization))];
            let rows = api.list(&path, &query, ALL).await?;
            output.rows("webhook", LIST, &rows);
        }
        Command::Show {
            environment,
            webhook,
        } => {
            let path = ["environments", &environment, "webhooks", &webhook];
            output.row(SHOW, &api.get(&path).await?);
        }
        Command::Create {
            environment,
            organization,
            name,
            target,
            events,
        } => {
            let body = Body::default()
                .set("organization", Some(organization))
                .set("name", Some(name))
                .set("target_url", Some(target))
                .list("event_types", &events);
            let path = ["environments", &environment, "webhooks"];
            output.row(SHOW, &api.post(&path, Some(&body.json())).await?);
        }
        Command::Edit {
            environment,
            webhook,
            name,
            target,
            events,
            disabled,
        } => {
            let body = Body::default()
                .set("name", name)
                .set("target_url", target)
                .list("event_types", &events)
                .set("disabled", disabled);
            let path = ["environments", &environment, "webhooks", &webhook];
            edit(api, output, &path, body, SHOW).await?;
        }
        Command::Remove {
            environment,
            webhook,
        } => {
            remove(&environment, &webhook, api, output).await?;
        }
        Command::Rotate {
            environment,
            webhook,
            overlap,
        } => {
            let body = Body::default().set("overlap_s", Some(overlap));
            let path = ["environments", &environment, "webhooks", &webhook, "rotate"];
            output.row(SHOW, &api.post(&path, Some(&body.json())).await?);
        }
        other => deliveries(other, api, output).await?,
    }
    Ok(())
}

async fn remove(
    environment: &str,
    webhook: &str,
    api: &Api,
    output: &mut Output,
) -> Result<(), Failure> {
    let path = ["environments", environment, "webhooks", webhook];
    let before = api.get(&path).await?;
    api.change(Method::DELETE, &path, version(&before)?, None)
        .await?;
    output.done(&format!("{webhook} is gone."));
    Ok(())
}

/// What waits to leave.
async fn deliveries(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Deliveries { environment, limit } => {
            let path = ["environments", &environment, "deliveries"];
            let rows = api.list(&path, &[], limit).await?;
            output.rows("delivery", DELIVERIES, &rows);
        }
        Command::DeadLetters { environment, limit } => {
            let path = ["environments", &environment, "dead-letters"];
            let rows = api.list(&path, &[], limit).await?;
            output.rows("dead letter", DELIVERIES, &rows);
        }
        Command::Delivery {
            environment,
            delivery,
        } => {
            let path = ["environments", &environment, "deliveries", &delivery];
            output.row(DELIVERY, &api.get(&path).await?);
        }
        Command::Replay {
            environment,
            delivery,
        } => {
            let path = [
                "environments",
                &environment,
                "deliveries",
                &delivery,
                "replay",
            ];
            api.post(&path, None).await?;
            output.done(&format!("{delivery} is tried again."));
        }
        Command::Discard {
            environment,
            delivery,
        } => {
            let path = [
                "environments",
                &environment,
                "deliveries",
                &delivery,
                "discard",
            ];
            api.post(&path, None).await?;
            output.done(&format!("{delivery} is gone."));
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stood_in_the_table_and_below_it() {
        assert!(SHOW.iter().all(|(_, member)| *member != "secret"));
    }
}
