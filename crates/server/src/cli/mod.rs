//! The command line.

use crate::{config, demo, serve, system::environment_variables};
use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Authenticates every caller of an API, and gives its proxy one answer per request.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop
    Serve {
        /// The configuration; without it, everything has its usual value
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Try everything on this machine: a server, an API behind it, and commands to paste
    Demo {
        /// Keep the data in this folder; without it they go with the demo
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Take free ports instead of the usual ones
        #[arg(long)]
        free_ports: bool,
        /// Write what the printed commands use into this file, as JSON
        #[arg(long, value_name = "FILE")]
        facts: Option<PathBuf>,
    },
}

/// Read the arguments, do what they say, and say how it went.
pub fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve { config } => {
            let variables = environment_variables();
            let loaded = config::load(config.as_deref(), &variables).map_err(anyhow::Error::from);
            loaded.and_then(|config| serve::run(config, &variables))
        }
        Command::Demo {
            data,
            free_ports,
            facts,
        } => demo::run(&demo::Arguments {
            data,
            free_ports,
            facts,
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Colour or not is for standard output; what went wrong is plain text.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{error:#}\n"));
            ExitCode::FAILURE
        }
    }
}
