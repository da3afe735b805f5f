//! The command line.

use crate::{config, serve, system::environment_variables};
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
}

/// Read the arguments, do what they say, and say how it went.
pub fn run() -> ExitCode {
    let Command::Serve { config } = Arguments::parse().command;
    let variables = environment_variables();
    let loaded = config::load(config.as_deref(), &variables).map_err(anyhow::Error::from);
    match loaded.and_then(|config| serve::run(config, &variables)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Colour or not is for standard output; what went wrong is plain text.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{error:#}\n"));
            ExitCode::FAILURE
        }
    }
}
