//! The processes that are measured and that measure: each pinned to a core, each ended by its own handle.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures processes: it has to start them"
)]

use anyhow::{Context, Result, bail, ensure};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

/// The arguments after the program's name.
pub fn arguments() -> Vec<String> {
    std::env::args().skip(1).collect()
}

/// This program's own file.
///
/// # Errors
/// When the system does not tell.
pub fn own_file() -> Result<PathBuf> {
    std::env::current_exe().context("cannot tell which file this program is")
}

/// A process that runs until it is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Start `program` on one core, with `variables` added to the environment.
    ///
    /// # Errors
    /// When `taskset` (Debian: util-linux) or the program cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        core: u32,
        program: &Path,
        arguments: &[A],
        variables: &[(String, String)],
    ) -> Result<Self> {
        let child = pinned(core, program)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start taskset -c {core} {}", program.display()))?;
        Ok(Self(child))
    }

    /// Its number; `taskset` becomes the program, so it is the program's.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Wait for the line that begins with `start`, and return the rest of it.
    ///
    /// # Errors
    /// When the process ends without such a line.
    pub fn wait_for_line(&mut self, start: &str) -> Result<String> {
        let output = self.0.stdout.as_mut().context("its output was taken")?;
        for line in BufReader::new(output).lines() {
            if let Some(rest) = line?.strip_prefix(start) {
                return Ok(rest.to_owned());
            }
        }
        bail!("it ended before it said {start:?}")
    }

    /// An error if it has ended.
    ///
    /// # Errors
    /// How it ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended by itself ({status})"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that is gone already needs no ending; waiting leaves no zombie.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn pinned(core: u32, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    for (name, _) in std::env::vars_os() {
        // The server that is measured is configured here alone.
        if name.to_string_lossy().starts_with("COUNTERSIGN") {
            command.env_remove(&name);
        }
    }
    command
}

/// Run `program` in `folder` on one core, to its end.
///
/// # Errors
/// When it cannot be started.
pub fn run<A: AsRef<OsStr>>(
    core: u32,
    program: &Path,
    arguments: &[A],
    variables: &[(String, String)],
    folder: &Path,
) -> Result<ExitStatus> {
    let status = pinned(core, program)
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    status.with_context(|| format!("cannot start taskset -c {core} {}", program.display()))
}

/// Run `program` on one core, write `input` to it, and return what it printed.
///
/// # Errors
/// When it cannot be started or ends other than well.
pub fn ask(core: u32, program: &Path, argument: &str, input: &str) -> Result<String> {
    let mut child = pinned(core, program)
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start taskset -c {core} {}", program.display()))?;
    if let Some(mut writer) = child.stdin.take() {
        writer.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "`{argument}` failed ({})",
        output.status
    );
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{argument}` printed other than UTF-8"))
}

/// Build the server as it is released, and return its file.
///
/// # Errors
/// When cargo cannot be started, or the build fails.
pub fn build_server() -> Result<PathBuf> {
    let target = own_file()?;
    let target = target.parent().and_then(Path::parent);
    let target = target.context("this program stands in no target folder")?;
    eprintln!("building the server: cargo build --release --package countersign");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--package", "countersign"]);
    for (name, _) in std::env::vars_os() {
        // Variables of this crate: build scripts that watch them would run again.
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "the server does not build ({status})");
    Ok(target.join("release").join("countersign"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_heard_and_ended_by_its_own_handle() {
        let core = crate::machine::cores().unwrap()[0];
        let script = ["-c", "echo noise; echo 'ready at 7'; sleep 600"];
        let mut process = Process::start(core, Path::new("/bin/sh"), &script, &[]).unwrap();
        let id = process.id();
        assert_eq!(process.wait_for_line("ready at ").unwrap(), "7");
        process.check_alive().unwrap();
        drop(process);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn a_process_that_ends_early_is_an_error() {
        let core = crate::machine::cores().unwrap()[0];
        let mut process = Process::start(core, Path::new("/bin/true"), &[""; 0], &[]).unwrap();
        assert!(process.wait_for_line("ready").is_err());
        assert!(ask(core, Path::new("/bin/cat"), "/no/such/file", "").is_err());
    }
}
