//! The one file of xtask that starts processes, reads the environment and looks at the clock.
#![expect(
    clippy::disallowed_methods,
    reason = "xtask exists to start other programs and time them"
)]

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The arguments after the program's name.
pub fn arguments() -> impl Iterator<Item = String> {
    std::env::args().skip(1)
}

/// The workspace's folder. Asked at run time, so that a build cache shared by two checkouts cannot
/// send the chores to the wrong one.
pub fn root() -> Option<PathBuf> {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")?;
    Some(Path::new(&manifest).parent()?.to_path_buf())
}

/// The time from which a part is measured.
pub fn start_of_part() -> Instant {
    Instant::now()
}

/// A command that runs in `folder`, without the variables that `cargo run` gave to xtask itself: some build
/// scripts watch those and would build again each time the caller alternates between cargo and xtask.
pub fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    // Debian keeps nginx and haproxy where only root looks.
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    command.env("PATH", path);
    command
}

/// Whether the program can be started and ends well; what it prints is dropped.
pub fn succeeds(argv: &[&str], folder: &Path) -> bool {
    let Some((program, rest)) = argv.split_first() else {
        return false;
    };
    let mut command = command(program, folder);
    command
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What the program printed, or why it failed.
pub fn output(argv: &[&str], folder: &Path) -> Result<String> {
    let Some((program, rest)) = argv.split_first() else {
        bail!("an empty command");
    };
    let output = command(program, folder)
        .args(rest)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed ({}):\n{}",
            argv.join(" "),
            output.status,
            text.trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed other than UTF-8"))
}

/// Runs the program with its output shown; an ending other than success is an error that names the command.
pub fn show(argv: &[&str], folder: &Path, variables: &[(&str, OsString)]) -> Result<()> {
    let Some((program, rest)) = argv.split_first() else {
        bail!("an empty command");
    };
    println!("$ {}", argv.join(" "));
    let status = command(program, folder)
        .args(rest)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    if !status.success() {
        bail!("`{}` failed ({status})", argv.join(" "));
    }
    Ok(())
}
