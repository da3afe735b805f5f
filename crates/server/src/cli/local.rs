//! What needs no running server: starting one, and what the binary knows by itself.

use super::{Arguments, connect::Connection, failure::Failure, output::Output};
use crate::{
    config, demo,
    serve::{self, Operators},
    system::environment_variables,
    telemetry,
    trouble::Trouble,
};
use clap::CommandFactory;
use clap_complete::Shell;
use countersign_dialects::openapi_documents;
use std::path::{Path, PathBuf};

/// How to serve.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The configuration; without it, everything has its usual value
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How to make a data folder.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// The configuration; without it, everything has its usual value
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write operator.json anew, with a new token of the first owner: when the file is lost or damaged.
    /// The server must not run
    #[arg(long)]
    reset_operator: bool,
}

/// How to try everything.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Take free ports instead of the usual ones
    #[arg(long)]
    free_ports: bool,
    /// Write what the printed commands use into this file, as JSON
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Let the demo's own phone approve everything that it is asked: for scripts
    #[arg(long)]
    auto_approve: bool,
}

/// Which OpenAPI documents.
#[derive(Debug, clap::Args)]
pub struct OpenApi {
    /// Only this dialect's
    dialect: Option<String>,
    /// Write each document to NAME.json in this folder instead of printing it
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Print or write OpenAPI documents.
pub fn openapi(arguments: OpenApi, output: &mut Output) -> Result<(), Failure> {
    let mut documents = openapi_documents();
    let names: Vec<&str> = documents.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    if let Some(dialect) = &arguments.dialect {
        documents.retain(|(name, _)| name == dialect);
    }
    if documents.is_empty() {
        return Err(
            Failure::usage("there is no such dialect").advise(format!("there are: {names}"))
        );
    }
    if let Some(folder) = &arguments.write {
        for (name, text) in &documents {
            let path = folder.join(format!("{name}.json"));
            write(&path, text)?;
            output.done(&format!("Wrote {}.", path.display()));
        }
        return Ok(());
    }
    if documents.len() > 1 {
        return Err(
            Failure::usage("several documents cannot be printed as one").advise(format!(
                "name one of {names}, or give a folder with --write"
            )),
        );
    }
    for (_, text) in &documents {
        output.text.push_str(text);
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::refused(format!("cannot write {}: {error}", path.display())))
}

/// Completions for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "countersign", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Why a server did not start.
fn told(error: &anyhow::Error) -> Failure {
    match error.downcast_ref::<Trouble>() {
        Some(trouble) => Failure::refused(&trouble.what)
            .at(&trouble.place)
            .advise(&trouble.advice),
        None => Failure::refused(format!("{error:#}")),
    }
}

/// Serve until told to stop.
pub fn serve(arguments: Serve, connection: &Connection) -> Result<(), Failure> {
    let variables = environment_variables();
    let config = configured(arguments.config.as_deref(), connection, &variables)?;
    telemetry::log::start(&config.log);
    serve::run(config, &variables).map_err(|error| told(&error))
}

/// The configuration, over which `--data` and `COUNTERSIGN_DATA` lay the folder.
fn configured(
    file: Option<&Path>,
    connection: &Connection,
    variables: &[(String, String)],
) -> Result<config::Config, Failure> {
    let mut config = config::load(file, variables)
        .map_err(|error| Failure::refused(error.to_string()).advise(error.advice()))?;
    if let Some(data) = connection.said_folder(variables) {
        config.data.dir = data;
    }
    Ok(config)
}

/// Make a data folder without serving.
pub fn init(arguments: Init, connection: &Connection, output: &mut Output) -> Result<(), Failure> {
    let variables = environment_variables();
    let config = configured(arguments.config.as_deref(), connection, &variables)?;
    let folder = config.data.dir.display().to_string();
    let operators =
        serve::init(&config, &variables, arguments.reset_operator).map_err(|error| {
            let failure = told(&error);
            match failure.place {
                Some(_) => failure,
                None => failure.at(folder.clone()),
            }
        })?;
    output.done(&match operators {
        Operators::First => {
            format!("{folder} is ready; operator.json in it holds the first operator's token.")
        }
        Operators::Kept => format!("{folder} has an operator already; nothing was changed."),
        Operators::Recovered => format!(
            "operator.json in {folder} holds a new token of the first owner; the older ones stay valid until they are revoked."
        ),
    });
    Ok(())
}

/// Try everything. Only `--data` keeps what it makes: a folder that the environment names is no demo's.
pub fn demo(arguments: Demo, connection: Connection) -> Result<(), Failure> {
    demo::run(&demo::Arguments {
        data: connection.data,
        free_ports: arguments.free_ports,
        facts: arguments.facts,
        auto_approve: arguments.auto_approve,
    })
    .map_err(|error| told(&error))
}
