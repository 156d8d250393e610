//! Packages that the domain must not depend on: transports, drivers, configuration and command-line libraries.
//!
//! Checked in core's manifest and in the resolved graph below it. Test dependencies are exempt.

use std::collections::{BTreeMap, VecDeque};

use super::graph::Graph;
use super::problem::Problem;

/// Crate of the domain.
const PURE: &str = "context-manager-core";

/// Packages that must not be below it.
const BANNED: &[&str] = &[
    "axum",
    "clap",
    "figment",
    "hyper",
    "qdrant-client",
    "qdrant-edge",
    "reqwest",
    "tonic",
];

/// Finds banned packages that core depends on, directly or through others.
pub(super) fn check(graph: &Graph) -> Vec<Problem> {
    let mut problems = Vec::new();
    for edge in graph.declared.iter().filter(|edge| edge.from == PURE && !edge.dev) {
        if BANNED.contains(&edge.to.as_str()) {
            problems.push(Problem::new(
                format!("{PURE} -> {}", edge.to),
                "the domain must not know HTTP, a vector database, configuration or a command line",
                "remove it: put a port (a trait) in core and its implementation into an outer crate",
            ));
        }
    }
    for path in banned_paths(graph).into_iter().filter(|path| path.len() > 2) {
        problems.push(Problem::new(
            path.join(" -> "),
            "the domain is built with a package it must not know",
            format!(
                "switch off the feature of {} that brings it in, or use another package",
                path[1]
            ),
        ));
    }
    problems
}

/// Returns the shortest path from core to each banned package it reaches, as names.
fn banned_paths(graph: &Graph) -> Vec<Vec<&str>> {
    let mut paths = Vec::new();
    let mut seen = BTreeMap::new();
    let mut queue = VecDeque::new();
    if let Some((id, _)) = graph.resolved.iter().find(|(_, node)| node.name == PURE) {
        seen.insert(id, None);
        queue.push_back(id);
    }
    while let Some(id) = queue.pop_front() {
        let Some(node) = graph.resolved.get(id) else { continue };
        if BANNED.contains(&node.name.as_str()) {
            paths.push(path_to(graph, &seen, id));
            continue;
        }
        for next in &node.dependencies {
            if !seen.contains_key(next) {
                seen.insert(next, Some(id));
                queue.push_back(next);
            }
        }
    }
    paths
}

fn path_to<'g>(graph: &'g Graph, came_from: &BTreeMap<&String, Option<&'g String>>, id: &'g String) -> Vec<&'g str> {
    let mut path: Vec<_> = std::iter::successors(Some(id), |id| came_from.get(id).copied().flatten())
        .map(|id| graph.resolved[id].name.as_str())
        .collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_must_not_depend_on_axum() {
        let problems = check(&Graph::of(&[PURE], &[(PURE, "serde"), (PURE, "axum")]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "context-manager-core -> axum");
    }

    #[test]
    fn banned_package_behind_another_is_found_with_the_way_to_it() {
        let problems = check(&Graph::of(
            &[PURE],
            &[(PURE, "sdk"), ("sdk", "http-client"), ("http-client", "hyper")],
        ));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "context-manager-core -> sdk -> http-client -> hyper");
        assert!(problems[0].remedy.contains("sdk"), "{}", problems[0]);
    }

    #[test]
    fn packages_below_a_banned_one_are_not_reported() {
        assert_eq!(
            check(&Graph::of(&[PURE], &[(PURE, "axum"), ("axum", "hyper")])).len(),
            1
        );
    }

    #[test]
    fn tests_of_core_are_exempt() {
        assert_eq!(check(&Graph::of(&[PURE], &[]).with_dev(PURE, "axum")), []);
    }

    #[test]
    fn other_crates_are_exempt() {
        assert_eq!(
            check(&Graph::of(
                &[PURE, "context-manager"],
                &[("context-manager", "axum"), (PURE, "serde")]
            )),
            []
        );
    }

    #[test]
    fn cycle_ends() {
        assert_eq!(check(&Graph::of(&[PURE], &[(PURE, "a"), ("a", "b"), ("b", "a")])), []);
    }
}
