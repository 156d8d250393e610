//! Circles of files: no two files of a crate may need each other, directly or through others.
//!
//! An arrow leads from a file to the file that defines an item it names: in a private `use`, or in a path such as
//! `super::plan::Draft` or `disk::sync`. Names are followed through re-exports, so a path that goes by way of `lib.rs`
//! or a parent's `mod.rs` leads to the definition. These are no arrows:
//! - `mod child;`, and a path that ends at a module;
//! - `pub use child::Item`, unless the re-exporting file uses `Item` itself;
//! - method calls and fields, whose types are unknown here;
//! - code under `#[cfg(test)]`, and paths into other crates.
//!
//! A child that uses an item of its parent's `mod.rs` while that file uses an item of the child is a circle.

mod arrows;
mod modules;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::problem::Problem;
use arrows::Arrows;
use modules::Modules;

/// Finds the circles among `files`, pairs of path and text, of the crate whose sources are in the folder `src`.
///
/// # Errors
/// When a file is not Rust.
pub(super) fn check(src: &str, files: &[(String, String)]) -> Result<Vec<Problem>> {
    let arrows = Modules::read(src, files)?.arrows();
    let problems = circles(&arrows).into_iter().map(|circle| {
        let mut found = format!("circle of {} files", circle.len());
        for (from, targets) in arrows.iter().filter(|(from, _)| circle.contains(from)) {
            for (to, names) in targets.iter().filter(|(to, _)| circle.contains(to)) {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                let arrow = format!("\n      {} -> {}: {}", files[*from].0, files[*to].0, names.join(", "));
                found.push_str(&arrow);
            }
        }
        Problem::new(
            src,
            found,
            "move what both sides need into a file below them, or pass it as an argument",
        )
    });
    Ok(problems.collect())
}

/// The groups of files that reach each other.
fn circles(arrows: &Arrows) -> Vec<BTreeSet<usize>> {
    let reached: BTreeMap<usize, BTreeSet<usize>> =
        arrows.keys().map(|&from| (from, reachable(arrows, from))).collect();
    let mut circles = Vec::new();
    for (from, targets) in &reached {
        if targets.contains(from) {
            let mutual = |to: &&usize| reached.get(to).is_some_and(|back| back.contains(from));
            let circle: BTreeSet<usize> = targets.iter().filter(mutual).copied().collect();
            if circle.first() == Some(from) {
                circles.push(circle);
            }
        }
    }
    circles
}

fn reachable(arrows: &Arrows, from: usize) -> BTreeSet<usize> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        let targets = arrows.get(&file).into_iter().flat_map(BTreeMap::keys);
        open.extend(targets.filter(|&&to| reached.insert(to)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a crate as pairs of file names.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| (format!("src/{name}"), (*text).to_owned()))
            .collect();
        let problems = check("src", &files).unwrap();
        problems
            .into_iter()
            .map(|problem| problem.found.replace("src/", ""))
            .collect()
    }

    #[test]
    fn siblings_that_use_each_other_are_a_circle() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; pub struct A(B, super::c::C);"),
            ("b.rs", "pub struct B; fn f() { crate::a::A::new(); }"),
            ("c.rs", "pub struct C;"),
        ];
        assert_eq!(
            found(&files),
            ["circle of 2 files\n      a.rs -> b.rs: B\n      b.rs -> a.rs: A"]
        );
    }

    #[test]
    fn a_child_and_a_parent_that_use_each_other_are_a_circle() {
        let child = ("a/child.rs", "use super::Shared; pub struct Child(Shared);");
        for (parent, circles) in [
            ("mod child; use child::Child; pub struct Shared; fn f(_: Child) {}", 1),
            (
                "mod child; pub use child::Child; pub struct Shared; fn f(_: Child) {}",
                1,
            ),
            ("mod child; pub use child::Child; pub struct Shared;", 0),
            ("mod child; pub struct Shared;", 0),
            ("mod child; pub struct Shared; fn f() { child::go() }", 1),
            (
                "mod child; pub struct Shared; #[cfg(test)] mod tests { use super::child::Child; }",
                0,
            ),
        ] {
            let files = [("lib.rs", "mod a;"), ("a/mod.rs", parent), child];
            assert_eq!(found(&files).len(), circles, "{parent}");
        }
    }

    #[test]
    fn names_are_followed_through_re_exports_and_globs() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::*; pub use a::Renamed as A;"),
            (
                "a/mod.rs",
                "mod inner; pub use inner::{Inner, Inner as Renamed}; mod inline { use crate::b; fn f() { b::go() } }",
            ),
            ("a/inner.rs", "use crate::{B as Other}; pub struct Inner(Other);"),
            ("b.rs", "use crate::A; pub struct B; pub fn go() {}"),
        ];
        assert_eq!(
            found(&files),
            ["circle of 2 files\n      a/inner.rs -> b.rs: B\n      b.rs -> a/inner.rs: A"]
        );
    }

    #[test]
    fn other_crates_and_locals_are_no_arrows() {
        let files = [
            ("lib.rs", "mod metrics; mod a;"),
            ("metrics.rs", "use crate::a::A; fn f(_: A) {}"),
            (
                "a.rs",
                "pub struct A; fn f(x: A) { metrics::counter!(\"a\"); x.metrics; ::metrics::x(); }",
            ),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }
}
