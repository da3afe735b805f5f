//! Which crate of the workspace may depend on which.

use super::Violation;
use crate::metadata::Metadata;
use crate::tree::Tree;

/// Each crate with every crate of the workspace that it may name in its manifest. Nothing may name the tools
/// (`xtask`, `countersign-bench`), and `dialects` and `store` never see each other.
const ARROWS: &[(&str, &[&str])] = &[
    ("countersign-jose", &[]),
    ("countersign-engine", &["countersign-jose"]),
    ("countersign-store", &["countersign-engine"]),
    (
        "countersign-dialects",
        &["countersign-engine", "countersign-jose"],
    ),
    (
        "countersign",
        &[
            "countersign-dialects",
            "countersign-engine",
            "countersign-jose",
            "countersign-store",
        ],
    ),
    ("xtask", &[]),
    (
        "countersign-bench",
        &[
            "countersign-dialects",
            "countersign-engine",
            "countersign-jose",
            "countersign-store",
        ],
    ),
];

pub fn check(metadata: &Metadata, tree: &Tree) -> Vec<Violation> {
    let members: Vec<&str> = metadata
        .members()
        .map(|member| member.name.as_str())
        .collect();
    let mut violations = Vec::new();
    for member in metadata.members() {
        let path = manifest_in(tree, &member.manifest_path);
        for dependency in &member.dependencies {
            if !members.contains(&dependency.name.as_str()) {
                continue;
            }
            if let Err(problem) = arrow(&member.name, &dependency.name) {
                let line = tree.line_of(&path, &dependency.name);
                violations.push(Violation::new(&path, line, problem));
            }
        }
        if !ARROWS.iter().any(|(name, _)| *name == member.name) {
            let problem = format!(
                "the crate {} has no line in ARROWS (xtask/src/tidy/arrows.rs): say there what it may depend on",
                member.name
            );
            violations.push(Violation::new(&path, 1, problem));
        }
    }
    violations
}

/// Whether `from` may depend on `to`.
fn arrow(from: &str, to: &str) -> Result<(), String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
        return Ok(()); // The missing line of the table is reported by itself.
    };
    if allowed.contains(&to) {
        return Ok(());
    }
    let may = match allowed {
        [] => "no crate of the workspace".to_owned(),
        names => format!("only {}", names.join(", ")),
    };
    Err(format!(
        "{from} may not depend on {to} (it may depend on {may}): move the code or pass a value in"
    ))
}

/// The manifest's path from the root, found by its ending so that no rule needs to know where the root is.
fn manifest_in(tree: &Tree, absolute: &str) -> String {
    let found = tree
        .paths
        .iter()
        .filter(|path| absolute.ends_with(&format!("/{path}")));
    found
        .max_by_key(|path| path.len())
        .map_or_else(|| absolute.to_owned(), Clone::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arrows_of_the_design_are_allowed_and_no_other() {
        let allowed = [
            ("countersign-engine", "countersign-jose"),
            ("countersign-store", "countersign-engine"),
            ("countersign-dialects", "countersign-engine"),
            ("countersign", "countersign-store"),
            ("countersign-bench", "countersign-engine"),
        ];
        for (from, to) in allowed {
            assert_eq!(arrow(from, to), Ok(()), "{from} -> {to}");
        }
        let refused = [
            ("countersign-jose", "countersign-engine"),
            ("countersign-engine", "countersign-store"),
            ("countersign-dialects", "countersign-store"),
            ("countersign-store", "countersign-dialects"),
            ("countersign-store", "countersign-jose"),
            ("countersign-engine", "countersign"),
            ("countersign", "countersign-bench"),
            ("countersign", "xtask"),
            ("xtask", "countersign-jose"),
        ];
        for (from, to) in refused {
            let problem = arrow(from, to).expect_err("refused");
            assert!(problem.contains(from) && problem.contains(to), "{problem}");
        }
    }

    #[test]
    fn a_manifest_is_found_by_its_longest_ending() {
        let tree = Tree::of(&[("Cargo.toml", ""), ("crates/store/Cargo.toml", "")]);
        assert_eq!(
            manifest_in(&tree, "/a/b/crates/store/Cargo.toml"),
            "crates/store/Cargo.toml"
        );
    }

    #[test]
    fn a_forbidden_arrow_is_reported_at_its_line() {
        let metadata = serde_json::json!({
            "packages": [
                {"id": "e", "name": "countersign-engine", "version": "0.1.0", "license": null,
                 "manifest_path": "/w/crates/engine/Cargo.toml", "dependencies": [{"name": "countersign-store"}]},
                {"id": "s", "name": "countersign-store", "version": "0.1.0", "license": null,
                 "manifest_path": "/w/crates/store/Cargo.toml", "dependencies": [{"name": "serde"}]},
                {"id": "n", "name": "newcomer", "version": "0.1.0", "license": null,
                 "manifest_path": "/w/crates/newcomer/Cargo.toml", "dependencies": []},
            ],
            "workspace_members": ["e", "s", "n"],
            "resolve": {"nodes": []},
        });
        let metadata: Metadata = serde_json::from_value(metadata).expect("metadata");
        let tree = Tree::of(&[
            (
                "crates/engine/Cargo.toml",
                "[dependencies]\ncountersign-store.workspace = true\n",
            ),
            ("crates/newcomer/Cargo.toml", ""),
        ]);
        let found: Vec<String> = check(&metadata, &tree)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0]
                .starts_with("crates/engine/Cargo.toml:2: countersign-engine may not depend on")
        );
        assert!(
            found[1].starts_with("crates/newcomer/Cargo.toml:1: the crate newcomer has no line")
        );
    }
}
