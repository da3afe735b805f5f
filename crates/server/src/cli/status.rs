//! `countersign status`

use super::{
    api::{Api, http_client},
    failure::Failure,
    output::{Column, Output},
};
use serde_json::{Value, json};
use url::Url;

const SHOW: &[Column] = &[
    ("server", "server"),
    ("ready", "ready"),
    ("because", "obstacle"),
    ("operator", "operator"),
    ("role", "role"),
    ("environments", "environments"),
];

/// Say how the server is.
///
/// # Errors
/// [`Failure`]: it cannot be reached, or is not ready.
pub async fn run(api: &Api, output: &mut Output) -> Result<(), Failure> {
    let (ready, word) = readiness(api.base()).await?;
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

/// Whether the server wants requests, and what it says.
///
/// # Errors
/// [`Failure`] when it cannot be reached.
pub async fn readiness(base: &Url) -> Result<(bool, String), Failure> {
    let mut url = base.clone();
    url.set_path("/readyz");
    let unreachable = |error: reqwest::Error| {
        Failure::unreachable(format!(
            "the server cannot be reached: {}",
            error.without_url()
        ))
        .at(format!("GET {base}readyz"))
        .advise("see that it runs and that the address is right")
    };
    let answer = http_client()?.get(url).send().await.map_err(unreachable)?;
    let ready = answer.status().is_success();
    let text = answer.text().await.map_err(unreachable)?;
    let word: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    Ok((ready, word))
}
