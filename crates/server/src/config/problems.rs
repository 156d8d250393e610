//! Problems with values, named by their keys.

/// Returns the problem of each value that is 0 but must not be.
pub(super) fn zeros(values: &[(&str, u64)]) -> Vec<String> {
    let zero = values.iter().filter(|(_, value)| *value == 0);
    zero.map(|(key, _)| format!("{key}: must be at least 1")).collect()
}

/// Returns problems of a section, with their keys below it.
pub(super) fn below(section: &str, problems: Vec<String>) -> impl Iterator<Item = String> {
    problems.into_iter().map(move |problem| format!("{section}.{problem}"))
}
