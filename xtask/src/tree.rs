//! The files of the working tree that git knows or would add.

use crate::shell;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;

/// A text file with its path from the root, `/` between folders.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// The tree as the rules see it.
pub struct Tree {
    /// Every path, also those of files that are not text.
    pub paths: BTreeSet<String>,
    pub sources: Vec<Source>,
}

impl Tree {
    /// Reads what git tracks, and what it would track after `git add`, so a new file is judged at once.
    pub fn read(root: &Path) -> Result<Self> {
        let list = shell::output(
            &[
                "git",
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ],
            root,
        )?;
        let mut tree = Self {
            paths: BTreeSet::new(),
            sources: Vec::new(),
        };
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            let place = root.join(path);
            if !place.is_file() || !tree.paths.insert(path.to_owned()) {
                continue;
            }
            let bytes = std::fs::read(&place).with_context(|| format!("cannot read {path}"))?;
            if let Ok(text) = String::from_utf8(bytes) {
                tree.sources.push(Source {
                    path: path.to_owned(),
                    text,
                });
            }
        }
        Ok(tree)
    }

    /// The Rust sources.
    pub fn rust(&self) -> impl Iterator<Item = &Source> {
        self.sources
            .iter()
            .filter(|source| source.path.ends_with(".rs"))
    }

    /// The text of one file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.sources
            .iter()
            .find(|source| source.path == path)
            .map(|source| source.text.as_str())
    }

    /// The line (from 1) of the first line that holds `needle`; 1 where nothing does.
    pub fn line_of(&self, path: &str, needle: &str) -> usize {
        let text = self.text(path).unwrap_or_default();
        text.lines()
            .position(|line| line.contains(needle))
            .map_or(1, |index| index + 1)
    }

    /// A tree for the tests of a rule.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self {
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            sources: files
                .iter()
                .map(|(path, text)| Source {
                    path: (*path).to_owned(),
                    text: (*text).to_owned(),
                })
                .collect(),
        }
    }
}
