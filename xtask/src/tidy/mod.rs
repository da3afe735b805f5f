//! The rules of the tree that neither the compiler nor clippy checks.

mod arrows;
mod bans;
mod length;
mod licences;
mod links;
mod registry;
mod spdx;
mod text;

use crate::metadata::Metadata;
use crate::tree::Tree;
use anyhow::Result;
use std::fmt;
use std::path::Path;

/// Something that breaks a rule: where, and what to do about it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub path: String,
    pub line: usize,
    pub problem: String,
}

impl Violation {
    pub fn new(path: &str, line: usize, problem: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            problem: problem.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.problem)
    }
}

/// Applies every rule and prints every violation at once.
pub fn run(root: &Path) -> Result<bool> {
    let metadata = Metadata::of(root)?;
    let tree = Tree::read(root)?;
    let mut violations = Vec::new();
    violations.extend(arrows::check(&metadata, &tree));
    violations.extend(bans::check(&metadata, &tree));
    violations.extend(licences::check(&metadata, &tree));
    violations.extend(length::check(&tree));
    violations.extend(registry::check(&tree));
    violations.extend(text::check(&tree));
    violations.extend(links::check(&tree));
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => println!("tidy: {} files hold to every rule", tree.paths.len()),
        1 => println!("tidy: 1 violation"),
        count => println!("tidy: {count} violations"),
    }
    Ok(violations.is_empty())
}
