//! Scripts of `tests/interop`, run by the interpreters that `cargo xtask test` installs clients for.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Longer than any script takes: one that waits so long has failed.
const SECONDS_MAX: &str = "180";

const HOW: &str =
    "run `cargo xtask test --only interop-python interop-npm`, which installs the clients";

/// What `tests/interop/NAME.py` prints, a JSON document, given a file of facts.
pub fn python(name: &str, facts: &Path) -> Value {
    let interpreter = found("COUNTERSIGN_INTEROP_PYTHON", "venv/bin/python");
    let script = source(&format!("{name}.py"));
    summary(name, command().arg(interpreter).arg(script).arg(facts))
}

/// A script that goes on until it is dropped, and prints one JSON document a line.
pub struct Talking {
    child: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Talking {
    /// `tests/interop/NAME.py`, with these arguments.
    pub fn python(name: &str, arguments: &[&str]) -> Self {
        use std::io::BufRead;
        let interpreter = found("COUNTERSIGN_INTEROP_PYTHON", "venv/bin/python");
        let mut command = command();
        command.arg(interpreter).arg(source(&format!("{name}.py")));
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Its next line.
    pub fn line(&mut self) -> Value {
        let line = self.lines.next().expect("it says more").unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        // Its input ends with this handle, and with its input it ends.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// What `tests/interop/NAME.mjs` prints. It is piped, so that its imports are looked up where the clients are.
pub fn node(name: &str, facts: &Path) -> Value {
    node_at(&format!("tests/interop/{name}.mjs"), facts)
}

/// The same of a script anywhere in the tree.
pub fn node_at(name: &str, facts: &Path) -> Value {
    let folder = found("COUNTERSIGN_INTEROP_NPM", "npm");
    let script = fs::File::open(root().join(name)).unwrap();
    let mut command = command();
    command
        .args(["node", "--input-type=module", "-"])
        .arg(facts);
    summary(name, command.stdin(script).current_dir(folder))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn source(file: &str) -> PathBuf {
    root().join("tests/interop").join(file)
}

/// What the variable names, else where `cargo xtask test` installs it. Never nothing: without its client a test fails.
#[expect(
    clippy::disallowed_methods,
    reason = "where the clients are is known only to who installed them"
)]
fn found(variable: &str, installed: &str) -> PathBuf {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => root().join("target/interop").join(installed),
    };
    assert!(
        path.exists(),
        "{} is not there ({variable}): {HOW}",
        path.display()
    );
    path
}

/// A program that ends in time. Nothing here may leave the machine.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' own harness starts programs"
)]
fn command() -> Command {
    let mut command = Command::new("timeout");
    command
        .arg(SECONDS_MAX)
        .env("NO_PROXY", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    command
}

fn summary(name: &str, command: &mut Command) -> Value {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let told = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{name} ended with {status}:\n{told}");
    serde_json::from_slice(&stdout).unwrap_or_else(|error| {
        panic!(
            "{name} printed no summary ({error}):\n{}\n{told}",
            String::from_utf8_lossy(&stdout)
        )
    })
}
