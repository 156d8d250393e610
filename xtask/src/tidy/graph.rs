//! The dependencies of the workspace, reduced to the needs of the checks, so that tests can write a graph by hand.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

/// Dependencies between packages.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Names of the workspace's own packages.
    pub(super) members: BTreeSet<String>,
    /// Dependencies in the manifests of members, optional and platform-specific ones included.
    pub(super) declared: Vec<Edge>,
    /// Every package of the build by its id.
    pub(super) resolved: BTreeMap<String, Node>,
}

/// One dependency of a member.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    /// Set if only tests, examples and benchmarks use it.
    pub(super) dev: bool,
}

/// One package of the build.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// Ids of its normal and build dependencies.
    pub(super) dependencies: Vec<String>,
}

impl From<&Metadata> for Graph {
    fn from(metadata: &Metadata) -> Self {
        let mut graph = Self::default();
        for package in metadata.workspace_packages() {
            graph.members.insert(package.name.to_string());
            graph
                .declared
                .extend(package.dependencies.iter().map(|dependency| Edge {
                    from: package.name.to_string(),
                    to: dependency.name.clone(),
                    dev: dependency.kind == DependencyKind::Development,
                }));
        }
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let dependencies = node
                .deps
                .iter()
                .filter(|dependency| {
                    dependency
                        .dep_kinds
                        .iter()
                        .any(|info| info.kind != DependencyKind::Development)
                })
                .map(|dependency| dependency.pkg.repr.clone())
                .collect();
            graph.resolved.insert(
                node.id.repr.clone(),
                Node {
                    name: metadata[&node.id].name.to_string(),
                    dependencies,
                },
            );
        }
        graph
    }
}

#[cfg(test)]
impl Graph {
    /// Returns a graph of packages by name; each edge is declared by a member and resolved.
    pub(super) fn of(members: &[&str], edges: &[(&str, &str)]) -> Self {
        let mut graph = Self {
            members: members.iter().map(|&name| name.to_owned()).collect(),
            ..Self::default()
        };
        for &(from, to) in edges {
            for name in [from, to] {
                let node = || Node {
                    name: name.to_owned(),
                    dependencies: Vec::new(),
                };
                graph.resolved.entry(name.to_owned()).or_insert_with(node);
            }
            graph
                .resolved
                .entry(from.to_owned())
                .and_modify(|node| node.dependencies.push(to.to_owned()));
            if graph.members.contains(from) {
                graph.declared.push(Edge {
                    from: from.to_owned(),
                    to: to.to_owned(),
                    dev: false,
                });
            }
        }
        graph
    }

    /// Adds a dependency for tests only.
    pub(super) fn with_dev(mut self, from: &str, to: &str) -> Self {
        self.declared.push(Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            dev: true,
        });
        self
    }
}
