//! Words that do not belong in a kept file.

use super::Violation;
use crate::tree::{Source, Tree};

/// Each word with what to do instead. Split, so that this file holds none of them.
const WORDS: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "do it now, or file an issue"),
    (concat!("FIX", "ME"), "fix it now, or file an issue"),
    (
        concat!("crates", ".io"),
        "name no registry host: machines use the one that they are set up for",
    ),
    (
        concat!("registry", ".npmjs.org"),
        "name no registry host: set omit-lockfile-registry-resolved in .npmrc",
    ),
    (
        concat!("pypi", ".org"),
        "name no registry host: machines use the one that they are set up for",
    ),
    (
        concat!("deb", ".debian.org"),
        "name no registry host: machines use the one that they are set up for",
    ),
];

pub fn check(tree: &Tree) -> Vec<Violation> {
    tree.sources
        .iter()
        .filter(|source| !is_lock(&source.path))
        .flat_map(judge)
        .collect()
}

/// Lock files name the registry where the tool that writes them says so.
fn is_lock(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "package-lock.json" || name.ends_with(".lock")
}

fn judge(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for (word, instead) in WORDS {
            if holds(line, word) {
                let problem = format!("`{word}`: {instead}");
                violations.push(Violation::new(&source.path, index + 1, problem));
            }
        }
    }
    violations
}

/// Whether the line holds the word by itself, not as a part of a longer one.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(index, found)| {
        let before = line.get(..index).and_then(|text| text.chars().next_back());
        let after = line
            .get(index + found.len()..)
            .and_then(|text| text.chars().next());
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !joins(before) && !joins(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_refused_at_its_line_and_parts_of_words_are_not() {
        for (word, _) in WORDS {
            let tree = Tree::of(&[(
                "docs/a.md",
                &format!("fine\nsee {word}, later\nx{word} {word}y\n"),
            )]);
            let found = check(&tree);
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!((found[0].path.as_str(), found[0].line), ("docs/a.md", 2));
        }
    }

    #[test]
    fn lock_files_may_name_their_registry() {
        let host = concat!("crates", ".io");
        for path in ["Cargo.lock", "tests/interop/package-lock.json"] {
            assert_eq!(check(&Tree::of(&[(path, host)])), vec![], "{path}");
        }
        assert_eq!(check(&Tree::of(&[("deny.toml", host)])).len(), 1);
    }
}
