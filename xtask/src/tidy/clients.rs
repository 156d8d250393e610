//! Clients in other languages, whose versions are those of the server whose API they speak.

use super::problem::Problem;

/// Files with their versions, and the beginning of the line that has it.
pub(super) const VERSIONS: [(&str, &str); 2] = [
    (
        "clients/python/src/context_manager_client/__init__.py",
        "__version__ = ",
    ),
    ("clients/typescript/package.json", "\"version\": "),
];

/// Finds a version in the file `text`, reported as `place`, other than `expected`.
pub(super) fn check(place: &str, beginning: &str, text: &str, expected: &str) -> Option<Problem> {
    let mut versions = text
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(beginning));
    let version = versions.next().map(|rest| rest.trim_matches(['"', ',']));
    (version != Some(expected)).then(|| {
        Problem::new(
            place,
            format!("the version of the client is not {expected}"),
            "give it the version of the workspace",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_other_than_the_workspaces_is_a_problem() {
        for ((place, beginning), text) in VERSIONS.into_iter().zip([
            "\"\"\"A client.\"\"\"\n\n__version__ = \"0.1.0\"\n",
            "{\n  \"name\": \"client\",\n  \"version\": \"0.1.0\",\n}",
        ]) {
            assert!(check(place, beginning, text, "0.1.0").is_none(), "{place}");
            assert!(check(place, beginning, text, "0.2.0").is_some(), "{place}");
            assert!(check(place, beginning, "", "0.1.0").is_some(), "{place}");
        }
    }
}
