//! `countersign audit`

use crate::cli::{
    api::Api,
    failure::Failure,
    output::{Column, Output},
};
use serde_json::Value;

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
    let mut rows = api.list(&["audit"], &query, arguments.limit).await?;
    if !output.json {
        for row in &mut rows {
            if let Some(Value::String(at)) = row.get_mut("at") {
                *at = full(at);
            }
        }
    }
    output.rows("audit line", LIST, &rows);
    Ok(())
}

/// Digits of the fraction of a second that the server tells at most.
const FRACTION: usize = 6;

/// A time with every digit of its fraction, so that the times of a table stand one below the other. The server
/// leaves out zeros at the end, and a fraction that is zero.
fn full(at: &str) -> String {
    let Some(bare) = at.strip_suffix('Z') else {
        return at.to_owned();
    };
    let (seconds, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    format!("{seconds}.{fraction:0<FRACTION$}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_table_had_many_widths() {
        for (told, shown) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
            ("2026-01-31T12:00:00.25Z", "2026-01-31T12:00:00.250000Z"),
            ("2026-01-31T12:00:00.000001Z", "2026-01-31T12:00:00.000001Z"),
        ] {
            assert_eq!(full(told), shown);
        }
    }
}
