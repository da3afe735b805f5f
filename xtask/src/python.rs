//! The Python clients of the interop tests, in a venv that only they use.

use crate::shell;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const REQUIREMENTS: &str = "tests/interop/requirements.txt";

/// Where the tests find an interpreter that can import the clients.
pub const VARIABLE: &str = "COUNTERSIGN_INTEROP_PYTHON";

/// The interpreter, once [`install`] has been here.
pub fn interpreter(root: &Path) -> Option<OsString> {
    let python = folder(root).join("bin/python");
    (stamp(root).is_file() && python.is_file()).then(|| python.into_os_string())
}

/// Makes the venv, unless it already holds exactly what the requirements ask for.
pub fn install(root: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(root.join(REQUIREMENTS)).context(REQUIREMENTS)?;
    if interpreter(root).is_some()
        && std::fs::read_to_string(stamp(root)).is_ok_and(|had| had == wanted)
    {
        println!("{} is up to date", folder(root).display());
        return Ok(());
    }
    let folder = folder(root);
    let venv = folder.to_string_lossy();
    shell::show(&["python3", "-m", "venv", "--clear", &venv], root, &[])?;
    let python = folder.join("bin/python");
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "-r",
        REQUIREMENTS,
    ];
    shell::show(
        &[&[python.to_string_lossy().as_ref()], pip.as_slice()].concat(),
        root,
        &[],
    )?;
    shell::show(
        &[python.to_string_lossy().as_ref(), "-m", "pip", "check"],
        root,
        &[],
    )?;
    std::fs::write(stamp(root), wanted).context("cannot note what was installed")
}

fn folder(root: &Path) -> PathBuf {
    root.join("target/interop/venv")
}

/// A copy of the requirements that were installed, written last.
fn stamp(root: &Path) -> PathBuf {
    folder(root).join("requirements.installed")
}
