//! `countersign apply`: what a file says there should be, compared with what is there, and made so.

mod carry;
mod diff;
pub mod file;
mod plan;

use super::{
    api::Api,
    failure::{Exit, Failure},
    files,
    output::Output,
};
use clap::ValueEnum;
use plan::Plan;
use std::path::PathBuf;

/// What to apply, and how.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A TOML file with `[[organization]]`, `[[environment]]` (with `[[environment.guard]]`) and `[[client]]`; - for standard input
    file: PathBuf,
    /// Print the difference and change nothing; exit 4 if there is one
    #[arg(long)]
    dry_run: bool,
    /// What happens to what the file does not name
    #[arg(long, default_value = "no")]
    prune: Prune,
}

/// What happens to what the file does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Prune {
    /// It stays
    No,
}

/// Do it.
///
/// # Errors
/// [`Failure`]: the file is wrong, the server refuses, or with `--dry-run` there are differences.
pub async fn run(arguments: Arguments, api: &Api, output: &mut Output) -> Result<(), Failure> {
    let Prune::No = arguments.prune;
    let text = files::text(&arguments.file)?;
    let declared = file::read(&text, &arguments.file)?;
    let plan = carry::compare(api, &declared).await?;
    if let Some(failure) = plan.impossible() {
        return Err(failure.at(arguments.file.display().to_string()));
    }
    show(output, &plan, arguments.dry_run);
    if arguments.dry_run {
        return match plan.differences() {
            0 => Ok(()),
            _ => Err(differ()),
        };
    }
    carry::out(api, &plan).await?;
    if plan.differences() > 0 {
        output.say("Applied.");
    }
    Ok(())
}

fn show(output: &mut Output, plan: &Plan, dry_run: bool) {
    output.machine(&plan.json(dry_run));
    output.say(plan.text());
}

/// Not wrong, but worth a code of its own: scripts ask for it.
fn differ() -> Failure {
    Failure {
        exit: Exit::Differences,
        what: "the server differs from the file".into(),
        place: None,
        advice: Some("run the same command without --dry-run to make it so".into()),
        problems: Vec::new(),
    }
}
