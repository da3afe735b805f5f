//! `countersign audit`

use crate::cli::{
    api::Api,
    failure::Failure,
    output::{Column, Output},
};

/// Which lines of the audit log.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only of this environment; * for the installation itself
    #[arg(long)]
    environment: Option<String>,
    /// Only of this organization
    #[arg(long)]
    organization: Option<String>,
    /// Not older than this, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Lines at most, the newest first
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

const LIST: &[Column] = &[
    ("TIME", "at"),
    ("WHERE", "environment"),
    ("WHO", "actor"),
    ("WHAT", "action"),
    ("TO", "target"),
    ("OUTCOME", "outcome"),
    ("FROM", "peer"),
    ("REQUEST", "request_id"),
    ("TIMES", "count"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(arguments: Arguments, api: &Api, output: &mut Output) -> Result<(), Failure> {
    let query = [
        ("environment", arguments.environment),
        ("organization", arguments.organization),
        ("since", arguments.since),
    ];
    let rows = api.list(&["audit"], &query, arguments.limit).await?;
    output.rows("audit line", LIST, &rows);
    Ok(())
}
