//! Manifests of members, which inherit the lints and the versions of all dependencies from the workspace.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::problem::Problem;

/// Tables of dependencies, at the top and under each target.
const SECTIONS: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Finds the parts that the manifest `text`, reported as `place`, does not inherit.
///
/// # Errors
/// When it is not TOML.
pub(super) fn check(place: &str, text: &str) -> Result<Vec<Problem>> {
    let manifest: Table = text.parse().with_context(|| format!("cannot read {place}"))?;
    let mut problems = Vec::new();
    if !manifest.get("lints").is_some_and(inherits) {
        problems.push(Problem::new(
            place,
            "the crate does not inherit the workspace's lints",
            "add `[lints]` with `workspace = true`",
        ));
    }
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let targets = targets.filter_map(|(name, value)| Some((format!("target.{name}."), value.as_table()?)));
    for (prefix, table) in std::iter::once((String::new(), &manifest)).chain(targets) {
        for section in SECTIONS {
            for (name, value) in table.get(*section).and_then(Value::as_table).into_iter().flatten() {
                if !inherits(value) && !is_itself(value) {
                    problems.push(Problem::new(
                        place,
                        format!("`{name}` in [{prefix}{section}] is not inherited from the workspace"),
                        format!(
                            "put its version into [workspace.dependencies] of the root and write \
                             `{name}.workspace = true` here"
                        ),
                    ));
                }
            }
        }
    }
    Ok(problems)
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// Tells whether a crate names itself, to switch on the features of its tests; it cannot be packaged with a version.
fn is_itself(value: &Value) -> bool {
    value.get("path").and_then(Value::as_str) == Some(".") && value.get("version").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [package]
        name = "a"
        [lints]
        workspace = true
        [dependencies]
        serde.workspace = true
        tokio = { workspace = true, features = ["time"] }
        [dev-dependencies]
        a = { path = ".", features = ["testing"] }
        [target."cfg(unix)".dependencies]
        libc.workspace = true
    "#;

    fn found(text: &str) -> Vec<String> {
        check("a/Cargo.toml", text)
            .unwrap()
            .into_iter()
            .map(|problem| problem.found)
            .collect()
    }

    #[test]
    fn manifest_that_inherits_everything_passes() {
        assert_eq!(found(GOOD), Vec::<String>::new());
    }

    #[test]
    fn lints_must_be_inherited() {
        assert_eq!(
            found("[package]\nname = 'a'"),
            ["the crate does not inherit the workspace's lints"]
        );
        assert_eq!(found("[lints.clippy]\nall = 'warn'").len(), 1);
    }

    #[test]
    fn versions_paths_and_sources_of_one_crate_alone_are_refused() {
        for own in [
            "serde = '1'",
            "serde = { version = '1' }",
            "serde = { path = '../x' }",
            "serde = { path = '.', version = '1' }",
            "serde.workspace = false",
        ] {
            let text = GOOD.replace("serde.workspace = true", own);
            assert_eq!(
                found(&text),
                ["`serde` in [dependencies] is not inherited from the workspace"],
                "{own}"
            );
        }
    }

    #[test]
    fn every_section_is_checked() {
        let text = GOOD.replace("libc.workspace = true", "libc = '0.2'");
        assert_eq!(
            found(&text),
            ["`libc` in [target.cfg(unix).dependencies] is not inherited from the workspace"]
        );
        let text = format!("{GOOD}\n[build-dependencies]\ncc = '1'");
        assert_eq!(
            found(&text),
            ["`cc` in [build-dependencies] is not inherited from the workspace"]
        );
    }

    #[test]
    fn broken_manifest_is_an_error_that_names_it() {
        let error = check("a/Cargo.toml", "[").unwrap_err();
        assert!(error.to_string().contains("a/Cargo.toml"), "{error}");
    }
}
