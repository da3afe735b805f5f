//! The JavaScript clients of the interop tests.

use crate::shell;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const SOURCE: &str = "tests/interop";
const FILES: &[&str] = &[".npmrc", "package.json", "package-lock.json"];

/// Where the tests find a folder whose `node_modules` hold the clients.
pub const VARIABLE: &str = "COUNTERSIGN_INTEROP_NPM";

/// The folder, once [`install`] has been here.
pub fn installed(root: &Path) -> Option<OsString> {
    stamp(root).is_file().then(|| folder(root).into_os_string())
}

/// Installs what the lock names, unless exactly that is there.
pub fn install(root: &Path) -> Result<()> {
    let folder = folder(root);
    let lock = root.join(SOURCE).join("package-lock.json");
    let wanted = std::fs::read_to_string(lock).context("package-lock.json")?;
    if std::fs::read_to_string(stamp(root)).is_ok_and(|had| had == wanted) {
        println!("{} is up to date", folder.display());
        return Ok(());
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    for file in FILES {
        let from = root.join(SOURCE).join(file);
        std::fs::copy(&from, folder.join(file))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    shell::show(&["npm", "ci", "--loglevel", "error"], &folder, &[])?;
    std::fs::write(stamp(root), wanted).context("cannot note what was installed")
}

/// What Node before 20 (Debian 12 has 18) must be told, or it has no Web Crypto, on which the clients stand.
pub fn node_options(root: &Path) -> Option<OsString> {
    let version = shell::output(&["node", "--version"], root).ok()?;
    let major: u32 = version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()?;
    (major < 20).then(|| OsString::from("--experimental-global-webcrypto"))
}

fn folder(root: &Path) -> PathBuf {
    root.join("target/interop/npm")
}

/// A copy of the lock that was installed, written last.
fn stamp(root: &Path) -> PathBuf {
    folder(root).join("node_modules/.installed-lock.json")
}
