//! Allowed dependencies between the crates of the workspace: server, then the adapters, then core and resilience.
//!
//! An allow-list: an unlisted edge is a failure, and so is an unlisted crate.

use super::graph::Graph;
use super::problem::Problem;

/// Each crate with the crates of the workspace it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    (
        "context-manager",
        &[
            "context-manager-client",
            "context-manager-core",
            "context-manager-embedding",
            "context-manager-hooks",
            "context-manager-mcp",
            "context-manager-observability",
            "context-manager-redis",
            "context-manager-resilience",
            "context-manager-vector-store",
        ],
    ),
    (
        "context-manager-client",
        &["context-manager-core", "context-manager-resilience"],
    ),
    ("context-manager-core", &[]),
    (
        "context-manager-embedding",
        &["context-manager-core", "context-manager-resilience"],
    ),
    ("context-manager-hooks", &["context-manager-client"]),
    (
        "context-manager-mcp",
        &["context-manager-client", "context-manager-core"],
    ),
    ("context-manager-observability", &[]),
    (
        "context-manager-redis",
        &[
            "context-manager-core",
            "context-manager-resilience",
            "context-manager-vector-store",
        ],
    ),
    ("context-manager-resilience", &[]),
    (
        "context-manager-vector-store",
        &["context-manager-core", "context-manager-resilience"],
    ),
    ("xtask", &["context-manager-client"]),
];

/// Place of the list, for messages.
const HERE: &str = "ALLOWED in xtask/src/tidy/layers.rs";

/// Finds members outside the list and edges it does not allow.
///
/// Dev-dependencies keep to the same list, except that a crate may name itself to switch on its own test features.
pub(super) fn check(graph: &Graph) -> Vec<Problem> {
    let mut problems = Vec::new();
    for member in &graph.members {
        if allowed(member).is_none() {
            problems.push(Problem::new(
                member,
                "this crate has no place in the layering",
                format!("decide what it may depend on and add it to {HERE} and docs/explanation/architecture.md"),
            ));
        }
    }
    for edge in graph.declared.iter().filter(|edge| graph.members.contains(&edge.to)) {
        let own_test_features = edge.dev && edge.from == edge.to;
        let Some(list) = allowed(&edge.from) else { continue };
        if !own_test_features && !list.contains(&edge.to.as_str()) {
            problems.push(Problem::new(
                format!("{} -> {}", edge.from, edge.to),
                "the layering does not allow this dependency",
                format!(
                    "{}; or, if the layering itself is to change, {HERE} and docs/explanation/architecture.md",
                    remedy(list)
                ),
            ));
        }
    }
    problems
}

fn allowed(member: &str) -> Option<&'static [&'static str]> {
    ALLOWED.iter().find(|(name, _)| *name == member).map(|(_, list)| *list)
}

fn remedy(list: &[&str]) -> String {
    if list.is_empty() {
        "remove it: this crate uses no other of the workspace, so move the shared code here or pass it in".to_owned()
    } else {
        format!("remove it: this crate may use {}", list.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a graph of every crate and every allowed edge.
    fn whole() -> Graph {
        let members: Vec<_> = ALLOWED.iter().map(|(name, _)| *name).collect();
        let edges: Vec<_> = ALLOWED
            .iter()
            .flat_map(|(from, list)| list.iter().map(move |to| (*from, *to)))
            .collect();
        Graph::of(&members, &edges)
    }

    #[test]
    fn every_allowed_edge_passes() {
        assert_eq!(check(&whole()), []);
    }

    #[test]
    fn siblings_must_not_meet() {
        let graph = Graph::of(
            &["context-manager-embedding", "context-manager-vector-store"],
            &[("context-manager-embedding", "context-manager-vector-store")],
        );
        let problems = check(&graph);
        assert_eq!(problems.len(), 1);
        assert_eq!(
            problems[0].place,
            "context-manager-embedding -> context-manager-vector-store"
        );
        assert!(problems[0].remedy.contains("context-manager-core"), "{}", problems[0]);
    }

    #[test]
    fn layers_must_not_turn_around() {
        let graph = Graph::of(
            &["context-manager-core", "context-manager-resilience"],
            &[("context-manager-core", "context-manager-resilience")],
        );
        assert_eq!(check(&graph).len(), 1);
    }

    #[test]
    fn tests_may_use_what_the_crate_may_use_and_the_crate_itself() {
        let graph = whole()
            .with_dev("context-manager-core", "context-manager-core")
            .with_dev("context-manager-vector-store", "context-manager-core")
            .with_dev("context-manager", "context-manager-vector-store");
        assert_eq!(check(&graph), []);
    }

    #[test]
    fn tests_must_not_reach_across_the_layers() {
        let graph = whole().with_dev("context-manager-core", "context-manager-vector-store");
        assert_eq!(
            check(&graph)[0].place,
            "context-manager-core -> context-manager-vector-store"
        );
    }

    #[test]
    fn a_crate_may_not_need_itself_outside_tests() {
        assert_eq!(check(&Graph::of(&["xtask"], &[("xtask", "xtask")])).len(), 1);
    }

    #[test]
    fn new_crate_must_be_placed() {
        let problems = check(&Graph::of(&["context-manager-cache"], &[]));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].place, "context-manager-cache");
    }

    #[test]
    fn dependencies_from_outside_are_not_its_business() {
        assert_eq!(check(&Graph::of(&["xtask"], &[("xtask", "anyhow")])), []);
    }
}
