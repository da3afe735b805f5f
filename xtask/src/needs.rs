//! What the tests need on the machine: found by probing, installed from Debian's packages where it lacks.

use crate::shell;
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::path::Path;

/// Something that the machine must have.
pub struct Need {
    pub name: &'static str,
    /// A command that ends well where it is there.
    probe: &'static [&'static str],
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
    why: &'static str,
    /// A system service that its package would start, and that must stay down: the tests start their own.
    service: Option<&'static str>,
}

pub const BUDGET_MINUTES: f64 = 4.0;

pub const NEEDS: &[Need] = &[
    tool(
        "cc",
        &["cc", "--version"],
        &["build-essential"],
        "aws-lc and SQLite are C",
    ),
    tool(
        "git",
        &["git", "--version"],
        &["git"],
        "tidy reads the list of files, generated files are compared",
    ),
    tool(
        "curl",
        &["curl", "--version"],
        &["curl"],
        "the tests send the requests that vendors print for it",
    ),
    tool(
        "ca-certificates",
        &["test", "-s", "/etc/ssl/certs/ca-certificates.crt"],
        &["ca-certificates"],
        "pip and npm speak TLS",
    ),
    tool(
        "python3",
        &["python3", "--version"],
        &["python3"],
        "authlib, requests-oauthlib and PyJWT are clients",
    ),
    tool(
        "python3-venv",
        &["python3", "-c", "import ensurepip, venv"],
        &["python3-venv"],
        "the Python clients live in a venv, never in the system's Python",
    ),
    tool(
        "node",
        &["node", "--version"],
        &["nodejs"],
        "openid-client, oauth4webapi and jose are clients, playwright-core drives the browser",
    ),
    tool(
        "npm",
        &["npm", "--version"],
        &["npm"],
        "it installs the JavaScript clients",
    ),
    tool(
        "openssl",
        &["openssl", "version"],
        &["openssl"],
        "the demo's printed commands sign a platform's token with it",
    ),
    tool(
        "softhsm2",
        &["test", "-s", "/usr/lib/softhsm/libsofthsm2.so"],
        &["softhsm2"],
        "a PKCS#11 token: the keystore's tests keep assets' keys in it",
    ),
    tool(
        "chromium",
        &["chromium", "--version"],
        &["chromium"],
        "the stories of front ends run in a real browser",
    ),
    proxy("nginx", &["nginx", "-v"], &["nginx"]),
    proxy("caddy", &["caddy", "version"], &["caddy"]),
    proxy("haproxy", &["haproxy", "-v"], &["haproxy"]),
];

const fn tool(
    name: &'static str,
    probe: &'static [&'static str],
    packages: &'static [&'static str],
    why: &'static str,
) -> Need {
    Need {
        name,
        probe,
        packages,
        why,
        service: None,
    }
}

const fn proxy(
    name: &'static str,
    probe: &'static [&'static str],
    packages: &'static [&'static str],
) -> Need {
    let why = "the gateway tests put Countersign behind the real one";
    Need {
        name,
        probe,
        packages,
        why,
        service: Some(name),
    }
}

/// Those of the named needs that the machine lacks.
pub fn lacking(names: &[&str], root: &Path) -> Vec<&'static Need> {
    let asked = NEEDS.iter().filter(|need| names.contains(&need.name));
    asked
        .filter(|need| !shell::succeeds(need.probe, root))
        .collect()
}

/// Installs what lacks, saying what and why. Some of it may still lack afterwards: the caller probes again.
pub fn install(lacking: &[&Need], root: &Path) -> Result<()> {
    println!("This machine lacks:");
    for need in lacking {
        println!(
            "  {:<16} {} (Debian: {})",
            need.name,
            need.why,
            need.packages.join(" ")
        );
    }
    let packages: Vec<&str> = lacking
        .iter()
        .flat_map(|need| need.packages.iter().copied())
        .collect();
    if !shell::succeeds(&["apt-get", "--version"], root) {
        bail!(
            "there is no apt-get here; install these by hand: {}",
            packages.join(" ")
        );
    }
    let is_root = shell::output(&["id", "-u"], root)?.trim() == "0";
    if !is_root && !shell::succeeds(&["sudo", "-V"], root) {
        bail!(
            "neither root nor sudo; as root: apt-get install {}",
            packages.join(" ")
        );
    }
    let rights: &[&str] = if is_root { &["env"] } else { &["sudo", "env"] };
    let services: Vec<&str> = lacking.iter().filter_map(|need| need.service).collect();
    let masked = control("mask", &services, rights, root);
    let installed = apt(&packages, rights, root);
    if masked {
        control("unmask", &services, rights, root);
        // Their packages also enabled them for the next start of the machine.
        control("disable", &services, rights, root);
    }
    installed
}

/// `RUNLEVEL=1` keeps a package from starting its service under classic init scripts.
fn apt(packages: &[&str], rights: &[&str], root: &Path) -> Result<()> {
    let quiet = ["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1"];
    let update = [rights, &quiet, &["apt-get", "update", "--quiet"]].concat();
    let options = [
        "apt-get",
        "install",
        "--quiet",
        "--yes",
        "--no-install-recommends",
    ];
    let install = [rights, &quiet, &options, packages].concat();
    let none: &[(&str, OsString)] = &[];
    shell::show(&update, root, none)?;
    shell::show(&install, root, none)
}

/// Under systemd a masked unit is not started by its package. Whether systemd did what it was told.
fn control(verb: &str, services: &[&str], rights: &[&str], root: &Path) -> bool {
    if services.is_empty() || !Path::new("/run/systemd/system").is_dir() {
        return false;
    }
    // A mask that lasts until the machine restarts cannot be left behind; `disable` is for good.
    let scope: &[&str] = if verb == "disable" {
        &[]
    } else {
        &["--runtime"]
    };
    let command = [rights, &["systemctl"], scope, &[verb], services].concat();
    shell::succeeds(&command, root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_each_need_can_be_installed() {
        for (index, need) in NEEDS.iter().enumerate() {
            assert!(
                !NEEDS[..index].iter().any(|other| other.name == need.name),
                "{}",
                need.name
            );
            assert!(
                !need.packages.is_empty() && !need.probe.is_empty(),
                "{}",
                need.name
            );
        }
    }

    #[test]
    fn only_what_is_asked_for_is_probed() {
        assert!(lacking(&[], Path::new("/")).is_empty());
        assert!(lacking(&["no such need"], Path::new("/")).is_empty());
    }
}
