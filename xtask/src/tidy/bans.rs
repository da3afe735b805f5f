//! Crates that are never compiled in, and versions below which some may not fall.

use super::Violation;
use crate::metadata::Metadata;
use crate::tree::Tree;

/// Crates that no build of the workspace compiles, each with its reason.
const BANNED: &[(&str, &str)] = &[
    (
        "ring",
        "aws-lc-rs is the one crypto provider; turn the feature off that brings a second",
    ),
    (
        "openssl",
        "aws-lc-rs is the one crypto provider; use the rustls feature",
    ),
    (
        "openssl-sys",
        "aws-lc-rs is the one crypto provider; use the rustls feature",
    ),
    ("native-tls", "TLS is rustls; use the rustls feature"),
    (
        "rsa",
        "RUSTSEC-2023-0071 (Marvin) has no fix; RSA is aws-lc-rs",
    ),
    ("chrono", "time is jiff, and engine time is a plain number"),
    ("serde_yaml", "no longer kept; configuration is TOML"),
];

/// Versions that carry a fix which we must not lose.
const MINIMUMS: &[(&str, [u64; 3], &str)] = &[
    (
        "h2",
        [0, 4, 16],
        "RUSTSEC-2026-0258: unbounded empty DATA frames",
    ),
    (
        "tokio-postgres",
        [0, 7, 18],
        "RUSTSEC-2026-0178: a malformed DataRow panics",
    ),
    (
        "rustls-webpki",
        [0, 103, 13],
        "RUSTSEC-2026-0104: a CRL panics",
    ),
    ("time", [0, 3, 47], "stack exhaustion while parsing"),
];

pub fn check(metadata: &Metadata, tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (package, way) in metadata.built() {
        if let Some(problem) = judge(&package.name, &package.version) {
            let line = tree.line_of("Cargo.lock", &format!("name = \"{}\"", package.name));
            let problem = format!("{problem}; reached by {way}");
            violations.push(Violation::new("Cargo.lock", line, problem));
        }
    }
    violations
}

/// What is wrong with compiling this crate at this version.
fn judge(name: &str, version: &str) -> Option<String> {
    if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
        return Some(format!("{name} {version} is banned: {reason}"));
    }
    let (_, minimum, reason) = MINIMUMS.iter().find(|(limited, ..)| *limited == name)?;
    if parse(version)? >= *minimum {
        return None;
    }
    let [major, minor, patch] = minimum;
    Some(format!(
        "{name} {version} is older than {major}.{minor}.{patch} ({reason}): cargo update -p {name}"
    ))
}

/// The three numbers of a version. A pre-release counts as its release: none of the crates above ships one.
fn parse(version: &str) -> Option<[u64; 3]> {
    let numbers = version.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(str::parse::<u64>);
    Some([
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_crates_and_old_versions_are_refused() {
        let refused = [
            ("ring", "0.17.14"),
            ("openssl", "0.10.82"),
            ("openssl-sys", "0.9.110"),
            ("native-tls", "0.2.14"),
            ("rsa", "0.9.10"),
            ("rsa", "0.10.0-rc.19"),
            ("chrono", "0.4.45"),
            ("serde_yaml", "0.9.34+deprecated"),
            ("h2", "0.3.27"),
            ("h2", "0.4.15"),
            ("tokio-postgres", "0.7.17"),
            ("rustls-webpki", "0.101.7"),
            ("time", "0.3.46"),
        ];
        for (name, version) in refused {
            assert!(judge(name, version).is_some(), "{name} {version}");
        }
    }

    #[test]
    fn others_pass() {
        let passed = [
            ("aws-lc-rs", "1.19.0"),
            ("h2", "0.4.16"),
            ("h2", "0.4.20"),
            ("h2", "1.0.0"),
            ("tokio-postgres", "0.7.18"),
            ("rustls-webpki", "0.103.13"),
            ("rustls-webpki", "0.104.0-alpha.2"),
            ("time", "0.3.47"),
            ("openssl-probe", "0.2.0"),
        ];
        for (name, version) in passed {
            assert_eq!(judge(name, version), None);
        }
    }

    #[test]
    fn a_ban_names_the_way_and_spares_what_only_tests_compile() {
        let package = |id: &str, name: &str| {
            serde_json::json!({"id": id, "name": name, "version": "1.0.0", "license": "MIT",
                "manifest_path": "", "dependencies": []})
        };
        let edge = |to: &str, kind: Option<&str>| serde_json::json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
        let metadata = serde_json::json!({
            "packages": [package("c", "countersign"), package("r", "reqwest"), package("g", "ring"),
                package("o", "oauth2"), package("h", "chrono")],
            "workspace_members": ["c"],
            "resolve": {"nodes": [
                {"id": "c", "deps": [edge("r", None), edge("o", Some("dev"))]},
                {"id": "r", "deps": [edge("g", Some("build"))]},
                {"id": "o", "deps": [edge("h", None)]},
                {"id": "g", "deps": []},
                {"id": "h", "deps": []},
            ]},
        });
        let metadata: Metadata = serde_json::from_value(metadata).expect("metadata");
        let tree = Tree::of(&[("Cargo.lock", "[[package]]\nname = \"ring\"\n")]);
        let found: Vec<String> = check(&metadata, &tree)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("Cargo.lock:2: ring 1.0.0 is banned"));
        assert!(found[0].ends_with("reached by countersign -> reqwest -> ring"));
    }
}
