//! The command line: every noun of the admin API, and what starts and looks after a server.

pub mod api;
pub mod apply;
pub mod body;
pub mod connect;
mod doctor;
pub mod failure;
mod files;
mod local;
pub mod nouns;
pub mod output;
mod reference;
mod status;
mod values;

use api::Api;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use connect::Connection;
use failure::{Exit, Failure};
use nouns::{
    approval, approver, audit, client, credential, device, environment, guard, keys, operator,
    organization, phone, subject, token, webhook,
};
use output::Output;
use std::{ffi::OsString, io::Write, process::ExitCode};

/// Authenticates every caller of an API, and gives its proxy one answer per request.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Arguments {
    /// Print JSON for machines instead of tables for people
    #[arg(long, global = true)]
    pub json: bool,
    /// Which server.
    #[command(flatten)]
    pub connection: Connection,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the command line can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until told to stop
    Serve(local::Serve),
    /// Make a data folder: its master key, first operator and operator.json
    Init(local::Init),
    /// Try everything on this machine: a server, an API behind it, and commands to paste
    Demo(local::Demo),
    /// Make environments, organizations, clients and guards as a file declares them
    Apply(apply::Arguments),
    /// Environments
    #[command(subcommand)]
    Env(environment::Command),
    /// Organizations: the customers that own clients
    #[command(subcommand)]
    Org(organization::Command),
    /// Clients: registered applications
    #[command(subcommand)]
    Client(client::Command),
    /// Credentials: what clients show
    #[command(subcommand)]
    Credential(credential::Command),
    /// Subjects: the end users of organizations
    #[command(subcommand)]
    Subject(subject::Command),
    /// Guards: which requests need which credential and scopes
    #[command(subcommand)]
    Guard(guard::Command),
    /// Tokens: look at one, or revoke it
    #[command(subcommand)]
    Token(token::Command),
    /// Approvals: what people were asked and answered, and receipts
    #[command(subcommand)]
    Approval(approval::Command),
    /// A phone in a terminal: shows what is asked, and answers
    #[command(subcommand)]
    Phone(phone::Command),
    /// Approvers: the people of an organization who may countersign
    #[command(subcommand)]
    Approver(approver::Command),
    /// Devices: people's phones
    #[command(subcommand)]
    Device(device::Command),
    /// Webhooks: subscriptions, what waits to leave, and dead letters
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Signing keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Operators: who runs this installation
    #[command(subcommand)]
    Operator(operator::Command),
    /// The audit log, newest first
    Audit(audit::Arguments),
    /// How the server is
    Status,
    /// Find out what is wrong with an installation
    Doctor(doctor::Arguments),
    /// Print or write OpenAPI documents
    Openapi(local::OpenApi),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the reference of this command line
    #[command(hide = true)]
    CliReference,
}

/// Read the process's arguments, do what they say, and say how it went.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

/// The same with given arguments, the program's name first.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return parse_failed(&error),
    };
    let mut output = Output {
        json: arguments.json,
        ..Output::default()
    };
    let result = dispatch(arguments, &mut output);
    // What was done is told also when what came after it failed.
    let told = output::print(&output.text);
    match result {
        // Where whoever read has gone (`countersign audit | head`) nothing is left to say.
        Ok(()) => told.map_or_else(|unread| unread.exit.into(), |()| ExitCode::SUCCESS),
        Err(failure) => {
            complain(&failure, output.json);
            failure.exit.into()
        }
    }
}

/// Help and version are no failures; everything else that clap finds is a wrong command line.
fn parse_failed(error: &clap::Error) -> ExitCode {
    // Where standard output has gone there is nobody left to tell.
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage.into()
    } else {
        ExitCode::SUCCESS
    }
}

fn complain(failure: &Failure, json: bool) {
    let text = if json {
        failure.json().to_string()
    } else {
        failure.text()
    };
    // Where standard error has gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn dispatch(arguments: Arguments, output: &mut Output) -> Result<(), Failure> {
    let connection = arguments.connection;
    match arguments.command {
        Command::Serve(serve) => local::serve(serve, &connection),
        Command::Init(init) => local::init(init, &connection, output),
        Command::Demo(demo) => local::demo(demo, connection),
        Command::Openapi(openapi) => local::openapi(openapi, output),
        Command::Completions { shell } => {
            output.text.push_str(&local::completions(shell));
            Ok(())
        }
        Command::CliReference => {
            output.text.push_str(&reference::text());
            Ok(())
        }
        asking => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::refused(format!("cannot start the runtime: {error}")))?;
            runtime.block_on(ask(asking, &connection, output))
        }
    }
}

/// The commands that talk to a server.
async fn ask(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    let command = match command {
        Command::Token(command) => return token::run(command, connection, output).await,
        Command::Approval(command) => return approval::run(command, connection, output).await,
        Command::Phone(command) => return phone::run(command, connection, output).await,
        Command::Doctor(arguments) => return doctor::run(arguments, connection, output).await,
        other => other,
    };
    let api = Api::new(connection.settle()?)?;
    match command {
        Command::Apply(arguments) => apply::run(arguments, &api, output).await,
        Command::Env(command) => environment::run(command, &api, output).await,
        Command::Org(command) => organization::run(command, &api, output).await,
        Command::Client(command) => client::run(command, &api, output).await,
        Command::Credential(command) => credential::run(command, &api, output).await,
        Command::Subject(command) => subject::run(command, &api, output).await,
        Command::Guard(command) => guard::run(command, &api, output).await,
        Command::Approver(command) => approver::run(command, &api, output).await,
        Command::Device(command) => device::run(command, &api, output).await,
        Command::Webhook(command) => webhook::run(command, &api, output).await,
        Command::Keys(command) => keys::run(command, &api, output).await,
        Command::Operator(command) => operator::run(command, &api, output).await,
        Command::Audit(arguments) => audit::run(arguments, &api, output).await,
        Command::Status => status::run(&api, output).await,
        Command::Token(_)
        | Command::Approval(_)
        | Command::Phone(_)
        | Command::Doctor(_)
        | Command::Serve(_)
        | Command::Init(_)
        | Command::Demo(_)
        | Command::Openapi(_)
        | Command::Completions { .. }
        | Command::CliReference => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_takes_json() {
        for line in [
            "env list --json",
            "--json env list",
            "client --json list sandbox",
            "status --json",
        ] {
            let words = std::iter::once("countersign").chain(line.split(' '));
            let parsed =
                Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(parsed.json, "{line}");
        }
    }

    #[test]
    fn no_option_takes_a_secret() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let takes_secret = ["secret", "password", "pin"]
                    .iter()
                    .any(|word| name.contains(word) && !name.ends_with("_file"));
                // `token` alone is the public name of an operator's token, as its help says.
                let takes_token =
                    name.contains("token") && !name.ends_with("_file") && name != "token";
                // A flag takes nothing at all.
                assert!(
                    !argument.get_action().takes_values() || !takes_secret && !takes_token,
                    "{} {name}",
                    command.get_name()
                );
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Arguments::command());
    }

    #[test]
    fn a_wrong_command_line_is_refused_with_two() {
        for line in [
            "frobnicate",
            "env",
            "env create a",
            "client create s --organization o --name n --kind web",
            "credential rotate s c --overlap soon",
        ] {
            let words = std::iter::once("countersign")
                .chain(line.split(' '))
                .map(OsString::from);
            let error = Arguments::try_parse_from(words).unwrap_err();
            assert!(error.use_stderr(), "{line}");
        }
    }
}
