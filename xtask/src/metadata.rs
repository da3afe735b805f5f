//! What `cargo metadata` says about the workspace and its resolved dependencies.

use crate::shell;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// The members of the document that the rules read.
#[derive(Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    pub workspace_members: Vec<String>,
    pub resolve: Resolve,
}

#[derive(Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    pub manifest_path: String,
    pub dependencies: Vec<Dependency>,
    #[serde(default)]
    pub features: BTreeMap<String, Vec<String>>,
}

/// A line of a manifest, whatever its kind and target.
#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    #[serde(default)]
    pub rename: Option<String>,
    #[serde(default)]
    pub optional: bool,
}

#[derive(Deserialize)]
pub struct Resolve {
    pub nodes: Vec<Node>,
}

#[derive(Deserialize)]
pub struct Node {
    pub id: String,
    pub deps: Vec<Edge>,
    /// The features that are on.
    #[serde(default)]
    pub features: Vec<String>,
}

#[derive(Deserialize)]
pub struct Edge {
    pub pkg: String,
    pub dep_kinds: Vec<DepKind>,
}

/// `kind` is absent for a normal dependency, else `build` or `dev`.
#[derive(Deserialize)]
pub struct DepKind {
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks cargo, with the dependencies resolved for the machine that asks.
    pub fn of(root: &Path) -> Result<Self> {
        let rustc = shell::output(&["rustc", "-vV"], root)?;
        let host = rustc
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .context("`rustc -vV` names no host")?;
        let text = shell::output(
            &[
                "cargo",
                "metadata",
                "--format-version",
                "1",
                "--locked",
                "--filter-platform",
                host,
            ],
            root,
        )?;
        serde_json::from_str(&text).context("cannot read what cargo metadata printed")
    }

    /// The packages of this workspace.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Every package that a build of the workspace compiles (tests' own dependencies apart), each with the
    /// shortest way to it: `countersign -> reqwest -> ring`.
    pub fn built(&self) -> Vec<(&Package, String)> {
        let packages: BTreeMap<&str, &Package> = self
            .packages
            .iter()
            .map(|package| (package.id.as_str(), package))
            .collect();
        let nodes: BTreeMap<&str, &Node> = self
            .resolve
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node))
            .collect();
        let mut ways: BTreeMap<&str, String> = BTreeMap::new();
        let mut queue: VecDeque<&str> = VecDeque::new();
        for member in self.members() {
            ways.insert(&member.id, member.name.clone());
            queue.push_back(&member.id);
        }
        while let Some(id) = queue.pop_front() {
            let way = ways.get(id).cloned().unwrap_or_default();
            let (Some(node), Some(parent)) = (nodes.get(id), packages.get(id)) else {
                continue;
            };
            for edge in node.deps.iter().filter(|edge| edge.is_built()) {
                let Some(package) = packages.get(edge.pkg.as_str()) else {
                    continue;
                };
                if node.turns_on(parent, package) && !ways.contains_key(edge.pkg.as_str()) {
                    ways.insert(&edge.pkg, format!("{way} -> {}", package.name));
                    queue.push_back(&edge.pkg);
                }
            }
        }
        ways.into_iter()
            .filter_map(|(id, way)| packages.get(id).map(|p| (*p, way)))
            .collect()
    }
}

impl Edge {
    fn is_built(&self) -> bool {
        self.dep_kinds
            .iter()
            .any(|kind| kind.kind.as_deref() != Some("dev"))
    }
}

impl Node {
    /// Whether the parent's features really bring this dependency. A weak feature (`ring?/alloc`) puts an edge into
    /// the document even where nothing turns the optional dependency on.
    fn turns_on(&self, parent: &Package, dependency: &Package) -> bool {
        let mut lines = parent
            .dependencies
            .iter()
            .filter(|line| line.name == dependency.name)
            .peekable();
        if lines.peek().is_none() {
            return true;
        }
        lines.any(|line| {
            let key = line.rename.as_ref().unwrap_or(&line.name);
            let (explicit, strong) = (format!("dep:{key}"), format!("{key}/"));
            let brings = |item: &String| *item == explicit || item.starts_with(&strong);
            let on = self
                .features
                .iter()
                .filter_map(|feature| parent.features.get(feature));
            !line.optional || on.flatten().any(brings)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `countersign` needs `webpki`, whose `ring` is optional, with these features on.
    fn names_built(features_on: &[&str]) -> Vec<String> {
        let metadata = serde_json::json!({
            "packages": [
                {"id": "c", "name": "countersign", "version": "1.0.0", "license": null, "manifest_path": "",
                 "dependencies": [{"name": "webpki"}]},
                {"id": "w", "name": "webpki", "version": "1.0.0", "license": null, "manifest_path": "",
                 "dependencies": [{"name": "ring", "optional": true}],
                 "features": {"alloc": ["ring?/alloc"], "ring": ["dep:ring"], "fast": ["ring/fast"]}},
                {"id": "r", "name": "ring", "version": "1.0.0", "license": null, "manifest_path": "",
                 "dependencies": []},
            ],
            "workspace_members": ["c"],
            "resolve": {"nodes": [
                {"id": "c", "deps": [{"pkg": "w", "dep_kinds": [{"kind": null}]}]},
                {"id": "w", "deps": [{"pkg": "r", "dep_kinds": [{"kind": null}]}], "features": features_on},
                {"id": "r", "deps": []},
            ]},
        });
        let metadata: Metadata = serde_json::from_value(metadata).expect("metadata");
        metadata
            .built()
            .iter()
            .map(|(package, _)| package.name.clone())
            .collect()
    }

    #[test]
    fn a_weak_feature_alone_does_not_build_an_optional_dependency() {
        assert_eq!(names_built(&["alloc"]), ["countersign", "webpki"]);
        assert_eq!(
            names_built(&["alloc", "ring"]),
            ["countersign", "ring", "webpki"]
        );
        assert_eq!(names_built(&["fast"]), ["countersign", "ring", "webpki"]);
    }
}
