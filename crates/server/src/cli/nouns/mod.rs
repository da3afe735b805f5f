//! The nouns of the admin API, a file each.

pub mod approval;
pub mod approver;
pub mod audit;
pub mod client;
pub mod credential;
pub mod device;
pub mod environment;
pub mod guard;
pub mod keys;
pub mod operator;
pub mod organization;
pub mod phone;
pub mod subject;
pub mod token;
pub mod webhook;

use super::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
};
use reqwest::Method;
use serde_json::Value;

/// Rows of a list that is shown whole.
const ALL: usize = usize::MAX;

/// The version of a row that was read.
///
/// # Errors
/// [`Failure`] when the answer has none: then it is not the admin API's.
pub fn version(row: &Value) -> Result<u64, Failure> {
    row.get("version")
        .and_then(Value::as_u64)
        .ok_or_else(|| Failure::unreachable("the answer has no version: this is not the admin API"))
}

/// Read what stands at `path`, change it as `body` says, and show the result.
async fn edit(
    api: &Api,
    output: &mut Output,
    path: &[&str],
    body: Body,
    columns: &[Column],
) -> Result<(), Failure> {
    if body.is_empty() {
        return Err(Failure::usage("nothing to change was said")
            .advise("see the options of this command with --help"));
    }
    let before = api.get(path).await?;
    let after = api
        .change(Method::PATCH, path, version(&before)?, Some(&body.json()))
        .await?;
    output.row(columns, &after);
    Ok(())
}
