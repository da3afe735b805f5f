//! The project's chores. The same commands serve a developer's machine and CI.

mod metadata;
mod needs;
mod npm;
mod parts;
mod python;
mod run;
mod shell;
mod tidy;
mod tree;

use anyhow::{Context, Result};
use std::process::ExitCode;

const USAGE: &str = "\
The project's chores.

usage: cargo xtask <command>

  check                 the quick half: fmt, clippy, docs, unit tests, tidy
  test                  everything; installs what it needs and says what
  tidy                  the rules of the tree that no compiler checks
  bench [ARGS...]       run the benchmark binary (release) with these arguments

options of check and test:
  --list                name the parts and their budgets, run nothing
  --only PART...        run these parts alone
";

fn main() -> ExitCode {
    let arguments: Vec<String> = shell::arguments().collect();
    match dispatch(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one command; `false` means that it ran and found something wrong.
fn dispatch(arguments: &[String]) -> Result<bool> {
    let root = shell::root().context("cannot tell where the workspace is")?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.split_first() {
        Some((&"tidy", [])) => tidy::run(&root),
        Some((&"check", options)) => run::run(&root, parts::CHECK, options),
        Some((&"test", options)) => run::run(&root, parts::TEST, options),
        Some((&"bench", rest)) => bench(&root, rest),
        Some((&("help" | "--help" | "-h"), _)) => {
            print!("{USAGE}");
            Ok(true)
        }
        Some((other, _)) => anyhow::bail!("no such command or option: {other}\n\n{USAGE}"),
        None => anyhow::bail!("a command is missing\n\n{USAGE}"),
    }
}

fn bench(root: &std::path::Path, rest: &[&str]) -> Result<bool> {
    let mut command = shell::command("cargo", root);
    command
        .args(["run", "--release", "--package", "countersign-bench", "--"])
        .args(rest);
    let status = command.status().context("cannot start cargo")?;
    Ok(status.success())
}
