//! `countersign guard`: the list is read, changed here, and written back whole if nobody changed it meanwhile.

use super::version;
use crate::cli::{
    api::Api,
    apply::file::{GuardApproversFile, GuardFile},
    failure::Failure,
    files,
    output::{Column, Output},
    values::{self, Accept, BoundBody, Rate},
};
use clap::Subcommand;
use countersign_dialects::admin::{
    approval_rows::GuardApprovers,
    rows::{Guard, Guards},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What can be done with guards.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the guards of an environment, in the order in which they are read
    List {
        /// The environment
        environment: String,
    },
    /// Show a guard
    Show {
        /// The environment
        environment: String,
        /// Its name
        guard: String,
    },
    /// Add a guard; at the end unless said
    Add(Box<Add>),
    /// Remove a guard
    Remove {
        /// The environment
        environment: String,
        /// Its name
        guard: String,
    },
    /// Move a guard: the first that matches decides
    Move {
        /// The environment
        environment: String,
        /// Its name
        guard: String,
        /// Where to.
        #[command(flatten)]
        place: Place,
    },
    /// Set all guards of an environment from a file
    Set {
        /// The environment
        environment: String,
        /// A TOML file with `[[guard]]` entries, as in `apply`; - for standard input
        file: PathBuf,
    },
}

/// A guard to add.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// The environment
    environment: String,
    /// Its name
    guard: String,
    /// A path: /v2.0/site, /v2.0/* for everything below, {name} for a segment (repeat for more)
    #[arg(long = "path", value_name = "PATTERN", required = true)]
    paths: Vec<String>,
    /// What may be shown (repeat for more)
    #[arg(long = "accept", required = true)]
    accept: Vec<Accept>,
    /// A method; all unless given (repeat for more)
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// A host; unless given every host that is judged here: where the gateway listener names the environment,
    /// every one that its proxy asks about (repeat for more)
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<String>,
    /// What the caller must be allowed (repeat for more)
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A token profile that counts; all unless given (repeat for more)
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// An audience that tokens must have; the issuer unless given (repeat for more)
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// A browser origin that may call (repeat for more)
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// How often each caller may pass: per minute, and at once
    #[arg(long, value_name = "PER_MINUTE/BURST", value_parser = values::rate)]
    rate_limit: Option<Rate>,
    /// The dialect whose error envelope its denials use
    #[arg(long)]
    dialect: Option<String>,
    /// Secret credentials may come from browsers all the same: think twice
    #[arg(long)]
    secrets_from_browsers: bool,
    /// Passing requests carry a signed Countersign-Assertion
    #[arg(long)]
    assertion: bool,
    /// People approve each request before it passes, once
    #[arg(long, requires_all = ["body", "sentence"])]
    approval: bool,
    /// Who may approve: subject, which is whom the caller speaks for and who may unless given; or GROUP,
    /// GROUP/NEEDED, ORGANIZATION:GROUP/NEEDED
    #[arg(long, value_name = "WHO", value_parser = values::approvers, requires = "approval")]
    approvers: Option<GuardApprovers>,
    /// What becomes of the request's body
    #[arg(long, requires = "approval")]
    body: Option<BoundBody>,
    /// What people are shown, such as "Pay {query.amount} to {query.to}": also {method}, {host}, {path}, {target},
    /// {client}, {subject} and {organization}
    #[arg(long, value_name = "TEXT", requires = "approval")]
    sentence: Option<String>,
    #[command(flatten)]
    place: Option<Place>,
}

/// Where in the list; at the end unless said.
#[derive(Debug, clap::Args)]
#[group(required = false, multiple = false)]
pub struct Place {
    /// Before this guard
    #[arg(long, value_name = "GUARD")]
    before: Option<String>,
    /// Before all others
    #[arg(long)]
    first: bool,
    /// After all others
    #[arg(long)]
    last: bool,
}

const LIST: &[Column] = &[
    ("GUARD", "name"),
    ("METHODS", "methods"),
    ("PATHS", "paths"),
    ("ACCEPT", "accept"),
    ("SCOPES", "scopes"),
    ("APPROVAL", "approval"),
    ("DIALECT", "dialect"),
];

const SHOW: &[Column] = &[
    ("guard", "name"),
    ("hosts", "hosts"),
    ("paths", "paths"),
    ("methods", "methods"),
    ("accept", "accept"),
    ("profiles", "profiles"),
    ("audiences", "audiences"),
    ("scopes", "scopes"),
    ("origins", "origins"),
    ("rate limit", "rate_limit"),
    ("dialect", "dialect"),
    ("secrets from browsers", "secrets_from_browsers"),
    ("assertion", "assertion"),
    ("approval", "approval"),
    ("approvers", "approvers"),
    ("body", "body"),
    ("sentence", "sentence"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::List { environment } => {
            let (guards, _) = read(api, &environment).await?;
            show_all(output, &guards);
        }
        Command::Show { environment, guard } => {
            let (guards, _) = read(api, &environment).await?;
            let index = position(&guards, &guard)?;
            let found = guards.get(index).map(|guard| json!(guard));
            output.row(SHOW, &found.unwrap_or_default());
        }
        Command::Add(add) => {
            let (mut guards, version) = read(api, &add.environment).await?;
            let environment = add.environment.clone();
            insert(&mut guards, *add)?;
            write(api, output, &environment, &guards, version).await?;
        }
        Command::Remove { environment, guard } => {
            let (mut guards, version) = read(api, &environment).await?;
            guards.remove(position(&guards, &guard)?);
            write(api, output, &environment, &guards, version).await?;
        }
        Command::Move {
            environment,
            guard,
            place,
        } => {
            let (mut guards, version) = read(api, &environment).await?;
            let moved = guards.remove(position(&guards, &guard)?);
            let index = place.index(&guards)?;
            guards.insert(index, moved);
            write(api, output, &environment, &guards, version).await?;
        }
        Command::Set { environment, file } => {
            let guards = from_file(&file)?;
            let (_, version) = read(api, &environment).await?;
            write(api, output, &environment, &guards, version).await?;
        }
    }
    Ok(())
}

/// The guards of an environment, and their version.
///
/// # Errors
/// [`Failure`].
pub async fn read(api: &Api, environment: &str) -> Result<(Vec<Guard>, u64), Failure> {
    let row = api.get(&["environments", environment, "guards"]).await?;
    let version = version(&row)?;
    let list: Guards = serde_json::from_value(row).map_err(|error| {
        Failure::unreachable(format!("the answer is not a list of guards: {error}"))
    })?;
    Ok((list.guards, version))
}

/// Write the list, if it still has the version that was read.
///
/// # Errors
/// [`Failure`].
pub async fn put(
    api: &Api,
    environment: &str,
    guards: &[Guard],
    version: u64,
) -> Result<Value, Failure> {
    let path = ["environments", environment, "guards"];
    let body = json!({ "guards": guards });
    api.change(Method::PUT, &path, version, Some(&body)).await
}

async fn write(
    api: &Api,
    output: &mut Output,
    environment: &str,
    guards: &[Guard],
    version: u64,
) -> Result<(), Failure> {
    put(api, environment, guards, version).await?;
    show_all(output, guards);
    Ok(())
}

fn show_all(output: &mut Output, guards: &[Guard]) {
    let rows: Vec<Value> = guards.iter().map(|guard| json!(guard)).collect();
    output.rows("guard: every request is denied", LIST, &rows);
}

fn position(guards: &[Guard], name: &str) -> Result<usize, Failure> {
    let found = guards.iter().position(|guard| guard.name == name);
    found.ok_or_else(|| {
        Failure::refused(format!("there is no guard `{name}`"))
            .advise("`countersign guard list` shows what is there")
    })
}

impl Place {
    fn index(&self, guards: &[Guard]) -> Result<usize, Failure> {
        match &self.before {
            Some(name) => position(guards, name),
            None if self.first => Ok(0),
            None => Ok(guards.len()),
        }
    }
}

fn insert(guards: &mut Vec<Guard>, add: Add) -> Result<(), Failure> {
    let index = match &add.place {
        Some(place) => place.index(guards)?,
        None => guards.len(),
    };
    if guards.iter().any(|guard| guard.name == add.guard) {
        return Err(
            Failure::refused(format!("there is a guard `{}` already", add.guard))
                .advise("remove it first, or choose another name"),
        );
    }
    let accept = add.accept.into_iter().map(word);
    let guard = GuardFile {
        name: add.guard,
        hosts: add.hosts,
        paths: add.paths,
        methods: add.methods,
        accept: accept.collect(),
        profiles: add.profiles,
        audiences: add.audiences,
        scopes: add.scopes,
        origins: add.origins,
        rate_limit: add.rate_limit.map(Rate::row),
        dialect: add.dialect,
        secrets_from_browsers: add.secrets_from_browsers,
        assertion: add.assertion,
        approval: add.approval.then(|| "required".to_owned()),
        approvers: add.approvers.map(GuardApproversFile::from),
        body: add.body.map(word),
        sentence: add.sentence,
    };
    guards.insert(index, guard.row());
    Ok(())
}

/// The word for a variant.
fn word(variant: impl Into<Value>) -> String {
    let word: Value = variant.into();
    word.as_str().unwrap_or_default().to_owned()
}

fn from_file(path: &std::path::Path) -> Result<Vec<Guard>, Failure> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        guard: Vec<GuardFile>,
    }
    let text = files::text(path)?;
    let file: File = crate::cli::apply::file::parse(&text, path)?;
    Ok(file.guard.into_iter().map(GuardFile::row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guards(names: &[&str]) -> Vec<Guard> {
        let guard = |name: &&str| {
            GuardFile {
                name: (*name).to_owned(),
                ..GuardFile::default()
            }
            .row()
        };
        names.iter().map(guard).collect()
    }

    fn place(before: Option<&str>, first: bool) -> Place {
        Place {
            before: before.map(str::to_owned),
            first,
            last: !first && before.is_none(),
        }
    }

    #[test]
    fn a_place_is_counted_without_the_guard_that_moves() {
        let list = guards(&["a", "b", "c"]);
        assert_eq!(place(Some("b"), false).index(&list), Ok(1));
        assert_eq!(place(None, true).index(&list), Ok(0));
        assert_eq!(place(None, false).index(&list), Ok(3));
        assert!(place(Some("x"), false).index(&list).is_err());
    }
}
