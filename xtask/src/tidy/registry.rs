//! No dialect that is not served, and no source that is not compiled.

use super::Violation;
use crate::tree::Tree;
use std::collections::BTreeSet;

const DIALECTS: &str = "crates/dialects/src/";
const REGISTRY: &str = "crates/dialects/src/lib.rs";

/// Folders beside the dialects that are none.
const SHARED: &[&str] = &["wire", "snapshots"];

pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = unregistered(tree);
    violations.extend(orphans(tree));
    violations
}

/// Every folder of dialects is used by the registry, which is told by a path `folder::...` in code.
fn unregistered(tree: &Tree) -> Vec<Violation> {
    let registry = tree.text(REGISTRY).unwrap_or_default();
    let folders: BTreeSet<&str> = tree
        .paths
        .iter()
        .filter_map(|path| Some(path.strip_prefix(DIALECTS)?.split_once('/')?.0))
        .filter(|folder| !SHARED.contains(folder))
        .collect();
    let named = |folder: &str| {
        let path = format!("{folder}::");
        let code = registry
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//"));
        code.filter(|line| !line.starts_with("use ") && !line.starts_with("pub use "))
            .any(|line| words_before(line, &path))
    };
    folders
        .into_iter()
        .filter(|folder| !named(folder))
        .map(|folder| {
            let problem = format!(
                "the registry does not name the dialect `{folder}`: add `{folder}::...` to it"
            );
            Violation::new(REGISTRY, 1, problem)
        })
        .collect()
}

/// Whether `path` stands in the line as a path of its own, not as the end of a longer name.
fn words_before(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(index, _)| {
        let before = line.get(..index).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Every source of a crate is reached by `mod` lines from its `lib.rs`, its `main.rs` or a binary.
fn orphans(tree: &Tree) -> Vec<Violation> {
    let sources: BTreeSet<&str> = tree
        .rust()
        .map(|source| source.path.as_str())
        .filter(|p| in_src(p))
        .collect();
    let mut queue: Vec<&str> = sources
        .iter()
        .copied()
        .filter(|path| is_root(path))
        .collect();
    let mut reached: BTreeSet<&str> = queue.iter().copied().collect();
    while let Some(path) = queue.pop() {
        let folder = folder_of_children(path);
        for name in modules(tree.text(path).unwrap_or_default()) {
            for child in [
                format!("{folder}{name}.rs"),
                format!("{folder}{name}/mod.rs"),
            ] {
                if let Some(child) = sources.get(child.as_str()).copied()
                    && reached.insert(child)
                {
                    queue.push(child);
                }
            }
        }
    }
    let orphan = |path: &&str| {
        let problem = "no `mod` line reaches this file, so nothing compiles it: add the line or remove the file";
        Violation::new(path, 1, problem)
    };
    sources.difference(&reached).map(orphan).collect()
}

fn in_src(path: &str) -> bool {
    path.starts_with("crates/") && path.split('/').nth(2) == Some("src")
}

/// `crates/x/src/lib.rs`, `main.rs`, and each of `bin/`.
fn is_root(path: &str) -> bool {
    let rest: Vec<&str> = path.split('/').skip(3).collect();
    matches!(
        rest.as_slice(),
        ["lib.rs" | "main.rs"] | ["bin", _] | ["bin", _, "main.rs"]
    )
}

/// Where the modules that a file declares are looked for.
fn folder_of_children(path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file.strip_suffix(".rs") {
        Some("mod" | "lib" | "main") | None => format!("{folder}/"),
        Some(_) if is_root(path) => format!("{folder}/"),
        Some(name) => format!("{folder}/{name}/"),
    }
}

/// The names in `mod name;` lines.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (before, name) = line.trim().strip_suffix(';')?.rsplit_once(' ')?;
        (before == "mod" || (before.starts_with("pub") && before.ends_with(" mod"))).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_registered_tree_passes() {
        let lib =
            "pub mod admin;\nmod wire;\npub static REGISTRY: [&Dialect; 1] = [&admin::DIALECT];\n";
        let files = [
            ("crates/dialects/src/lib.rs", lib),
            (
                "crates/dialects/src/admin/mod.rs",
                "pub(super) mod decode;\n",
            ),
            ("crates/dialects/src/admin/decode.rs", ""),
            ("crates/dialects/src/wire/mod.rs", ""),
            ("crates/store/src/lib.rs", "mod sqlite;\n"),
            ("crates/store/src/sqlite.rs", "mod writer;\n"),
            ("crates/store/src/sqlite/writer.rs", ""),
            ("crates/server/src/main.rs", "mod cli;\n"),
            ("crates/server/src/cli.rs", ""),
            ("crates/server/tests/stories/lib.rs", ""),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn a_dialect_that_the_registry_does_not_name_is_refused() {
        let unnamed = [
            "mod ultra;\n",
            "mod ultra;\n// &ultra::DIALECT\n",
            "mod ultra;\npub use ultra::DIALECT;\n",
            "mod ultra;\nstatic REGISTRY: X = [&other_ultra::DIALECT];\n",
        ];
        for lib in unnamed {
            let found = found(&[
                ("crates/dialects/src/lib.rs", lib),
                ("crates/dialects/src/ultra/mod.rs", ""),
            ]);
            assert_eq!(found.len(), 1, "{lib}");
            assert!(
                found[0].contains("does not name the dialect `ultra`"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_file_that_nothing_compiles_is_refused() {
        let found = found(&[
            ("crates/engine/src/lib.rs", "mod model;\n// mod lost;\n"),
            ("crates/engine/src/model/mod.rs", "mod client;\n"),
            ("crates/engine/src/model/client.rs", ""),
            ("crates/engine/src/model/old.rs", ""),
            ("crates/engine/src/lost.rs", ""),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/engine/src/lost.rs:1: no `mod` line"));
        assert!(found[1].starts_with("crates/engine/src/model/old.rs:1: no `mod` line"));
    }
}
