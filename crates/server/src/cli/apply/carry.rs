//! Reading what is there, and carrying a plan out.

use super::{
    diff::{self, Difference},
    file::{ClientFile, Declared, EnvironmentFile, GuardFile, OrganizationFile},
    plan::{Action, Plan, Step, decide},
};
use crate::cli::{
    api::Api,
    failure::Failure,
    nouns::{guard, version},
};
use countersign_dialects::admin::rows::Guard;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Map, Value};

/// Things from which on the wait is worth a progress bar.
const BAR_FROM: usize = 5;

/// A bar on standard error, which hides itself where that is not a terminal.
fn bar(length: usize, what: &'static str) -> ProgressBar {
    if length < BAR_FROM {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}

/// Compare what is declared with what is there.
///
/// # Errors
/// [`Failure`] when the server cannot be read.
pub async fn compare(api: &Api, declared: &Declared) -> Result<Plan, Failure> {
    let things =
        declared.organizations.len() + declared.environments.len() + declared.clients.len();
    let bar = bar(things, "comparing");
    let mut steps = Vec::new();
    for row in &declared.organizations {
        steps.push(organization(api, row).await?);
        bar.inc(1);
    }
    for row in &declared.environments {
        let environment = environment(api, row).await?;
        let guards = match &row.guards {
            Some(guards) => {
                let is_there = !matches!(environment.action, Action::Create { .. });
                Some(guards_of(api, &row.id, guards, is_there).await?)
            }
            None => None,
        };
        // A guard may name what its environment has: it goes before that, and comes after it.
        if only_takes_dialects(&environment.action) {
            steps.extend(guards.into_iter().chain([environment]));
        } else {
            steps.extend([environment].into_iter().chain(guards));
        }
        bar.inc(1);
    }
    for row in &declared.clients {
        let environment_is_new = steps.iter().any(|step| {
            let creates = matches!(step.action, Action::Create { .. });
            step.noun == "environment" && step.name == row.environment && creates
        });
        steps.push(client(api, row, environment_is_new).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Plan { steps })
}

/// Whether an environment is to lose dialects and get none.
fn only_takes_dialects(action: &Action) -> bool {
    let Action::Change { differences, .. } = action else {
        return false;
    };
    let Some(dialects) = differences.iter().find(|one| one.member == "dialects") else {
        return false;
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (old, new) = (list(&dialects.old), list(&dialects.new));
    new.iter().all(|name| old.contains(name))
}

fn members(row: &impl Serialize) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(row) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Failure::refused("a declaration cannot be written as JSON")),
    }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|segment| (*segment).to_owned()).collect()
}

async fn organization(api: &Api, row: &OrganizationFile) -> Result<Step, Failure> {
    let place = ["organizations", row.id.as_str()];
    let there = api.find(&place).await?;
    Ok(Step {
        noun: "organization",
        name: row.id.clone(),
        collection: owned(&["organizations"]),
        place: owned(&place),
        action: decide(members(row)?, there.as_ref(), &["number"], &["state"])?,
    })
}

async fn environment(api: &Api, row: &EnvironmentFile) -> Result<Step, Failure> {
    let place = ["environments", row.id.as_str()];
    let there = api.find(&place).await?;
    let fixed = ["mode", "issuer", "brand"];
    Ok(Step {
        noun: "environment",
        name: row.id.clone(),
        collection: owned(&["environments"]),
        place: owned(&place),
        action: decide(members(row)?, there.as_ref(), &fixed, &[])?,
    })
}

async fn guards_of(
    api: &Api,
    environment: &str,
    declared: &[GuardFile],
    is_there: bool,
) -> Result<Step, Failure> {
    let (there, version) = if is_there {
        let (guards, version) = guard::read(api, environment).await?;
        (guards, Some(version))
    } else {
        (Vec::new(), None)
    };
    let list: Vec<Guard> = declared.iter().map(|guard| guard.clone().row()).collect();
    let differences = diff::guards(&list, &there);
    let action = if differences.is_empty() {
        Action::Same
    } else {
        Action::Guards {
            differences,
            list,
            version,
        }
    };
    Ok(Step {
        noun: "guards",
        name: environment.to_owned(),
        collection: Vec::new(),
        place: owned(&["environments", environment, "guards"]),
        action,
    })
}

async fn client(api: &Api, row: &ClientFile, environment_is_new: bool) -> Result<Step, Failure> {
    let place = [
        "environments",
        row.environment.as_str(),
        "clients",
        row.id.as_str(),
    ];
    let there = if environment_is_new {
        None
    } else {
        api.find(&place).await?
    };
    let fixed = ["organization", "kind", "spelling", "number", "maker_number"];
    Ok(Step {
        noun: "client",
        name: format!("{}/{}", row.environment, row.id),
        collection: owned(&["environments", &row.environment, "clients"]),
        place: owned(&place),
        action: decide(members(row)?, there.as_ref(), &fixed, &["state"])?,
    })
}

/// Make it so, step by step. What was done before a failure stays; running it again does the rest.
///
/// # Errors
/// [`Failure`] of the first step that the server refuses, with its name.
pub async fn out(api: &Api, plan: &Plan) -> Result<(), Failure> {
    let bar = bar(plan.differences(), "applying");
    for step in &plan.steps {
        let done = take(api, step).await;
        done.map_err(|failure| Failure {
            what: format!("{} {}: {}", step.noun, step.name, failure.what),
            advice: failure.advice.or_else(|| {
                Some("mend it and run the same command again: what was done before it stays".into())
            }),
            ..failure
        })?;
        if step.action != Action::Same {
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

async fn take(api: &Api, step: &Step) -> Result<(), Failure> {
    let collection: Vec<&str> = step.collection.iter().map(String::as_str).collect();
    let place: Vec<&str> = step.place.iter().map(String::as_str).collect();
    match &step.action {
        Action::Same | Action::Impossible(_) => {}
        Action::Create { body, then } => {
            let body = Value::Object(body.clone());
            let made = api.post(&collection, Some(&body)).await?;
            // Most of it is how new things are anyway.
            let differences = diff::members(then, &made);
            if !differences.is_empty() {
                let body = changes(&differences);
                api.change(Method::PATCH, &place, version(&made)?, Some(&body))
                    .await?;
            }
        }
        Action::Change {
            differences,
            version,
        } => {
            let body = changes(differences);
            api.change(Method::PATCH, &place, *version, Some(&body))
                .await?;
        }
        Action::Guards { list, version, .. } => {
            let version = match version {
                Some(version) => *version,
                // Its environment has only just been made.
                None => guard::read(api, &step.name).await?.1,
            };
            guard::put(api, &step.name, list, version).await?;
        }
    }
    Ok(())
}

/// The body of a change.
fn changes(differences: &[Difference]) -> Value {
    let pair = |one: &Difference| (one.member.clone(), one.new.clone());
    Value::Object(differences.iter().map(pair).collect())
}
