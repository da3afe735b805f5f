//! `countersign status`

use super::{
    api::{Api, unreachable},
    failure::Failure,
    output::{Column, Output},
};
use serde_json::{Value, json};

const SHOW: &[Column] = &[
    ("server", "server"),
    ("ready", "ready"),
    ("because", "obstacle"),
    ("operator", "operator"),
    ("role", "role"),
    ("environments", "environments"),
    ("warnings", "warnings"),
];

/// Say how the server is.
///
/// # Errors
/// [`Failure`]: it cannot be reached, or is not ready.
pub async fn run(api: &Api, output: &mut Output) -> Result<(), Failure> {
    let Readiness {
        ready,
        word,
        warnings,
    } = readiness(api).await?;
    let operator = api.get(&["whoami"]).await?;
    let environments = api.list(&["environments"], &[], usize::MAX).await?;
    let names: Vec<Value> = environments
        .iter()
        .filter_map(|row| row.get("id").cloned())
        .collect();
    let mut row = json!({
        "server": api.base().as_str(),
        "ready": ready,
        "operator": operator.get("id"),
        "role": operator.get("role"),
        "environments": names,
    });
    if let Some(members) = row.as_object_mut().filter(|_| !ready) {
        members.insert("obstacle".into(), word.clone().into());
    }
    if let Some(members) = row.as_object_mut().filter(|_| !warnings.is_empty()) {
        members.insert("warnings".into(), warnings.into());
    }
    output.row(SHOW, &row);
    if ready {
        Ok(())
    } else {
        Err(
            Failure::unreachable(format!("the server is not ready: {word}"))
                .advise("see its log; it is ready by itself when the cause is gone"),
        )
    }
}

/// What a server says of itself.
pub struct Readiness {
    /// Whether it wants requests.
    pub ready: bool,
    /// The same in a word; where it does not, why.
    pub word: String,
    /// What is not as configured, though it works.
    pub warnings: Vec<String>,
}

/// Whether the server wants requests, and what it says.
///
/// # Errors
/// [`Failure`] when it cannot be reached.
pub async fn readiness(api: &Api) -> Result<Readiness, Failure> {
    let mut url = api.base().clone();
    url.set_path("/readyz");
    let place = format!("GET {url}");
    let unreachable = |error| unreachable(error).at(&place);
    let answer = api.http().get(url).send().await.map_err(unreachable)?;
    let ready = answer.status().is_success();
    let text = answer.text().await.map_err(unreachable)?;
    let mut lines = text.trim().lines().map(printable);
    Ok(Readiness {
        ready,
        word: lines.next().unwrap_or_default(),
        warnings: lines.take(WARNINGS_MAX).collect(),
    })
}

/// Lines that are taken from a server: more than it has listeners.
const WARNINGS_MAX: usize = 64;

/// What a terminal may be shown of a line that a server sent.
fn printable(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}
