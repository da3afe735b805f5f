//! Every crate that is resolved for this machine, tests' own included, has a licence that we may ship under.

use super::{Violation, spdx};
use crate::metadata::Metadata;
use crate::tree::Tree;

/// Permissive licences, by SPDX name. `deny.toml` repeats them for those who use cargo-deny.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The one exception in use: it only adds permissions.
const EXCEPTION: (&str, &str) = ("Apache-2.0", "LLVM-exception");

pub fn check(metadata: &Metadata, tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in &metadata.packages {
        if let Some(problem) = judge(package.license.as_deref()) {
            let line = tree.line_of("Cargo.lock", &format!("name = \"{}\"", package.name));
            let problem = format!("{} {}: {problem}", package.name, package.version);
            violations.push(Violation::new("Cargo.lock", line, problem));
        }
    }
    violations
}

/// What is wrong with the `license` member of a manifest.
fn judge(licence: Option<&str>) -> Option<String> {
    let Some(expression) = licence else {
        return Some("its manifest names no licence; use another crate".to_owned());
    };
    match spdx::satisfied(expression, &allowed) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "its licence `{expression}` needs one that is not in ALLOWED (xtask/src/tidy/licences.rs); use another crate"
        )),
        Err(reason) => Some(format!(
            "its licence `{expression}` cannot be read: {reason}"
        )),
    }
}

fn allowed(licence: &str, exception: Option<&str>) -> bool {
    match exception {
        None => ALLOWED.contains(&licence),
        Some(exception) => (licence, exception) == EXCEPTION,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_of_our_dependencies_pass() {
        let passed = [
            "MIT OR Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Unlicense/MIT",
            // aws-lc-sys
            "ISC AND (Apache-2.0 OR ISC) AND Apache-2.0 AND MIT AND BSD-3-Clause AND (Apache-2.0 OR ISC OR MIT-0)",
        ];
        for expression in passed {
            assert_eq!(judge(Some(expression)), None, "{expression}");
        }
    }

    #[test]
    fn copyleft_unknown_and_missing_licences_are_refused() {
        let refused = [
            Some("GPL-3.0-or-later"),
            Some("AGPL-3.0"),
            Some("MPL-2.0"),
            Some("MIT AND LGPL-2.1"),
            Some("GPL-2.0 WITH Classpath-exception-2.0"),
            Some("SSPL-1.0 OR BUSL-1.1"),
            Some("MIT OR"),
            None,
        ];
        for licence in refused {
            assert!(judge(licence).is_some(), "{licence:?}");
        }
    }
}
