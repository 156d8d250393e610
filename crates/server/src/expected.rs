//! Texts of errors about invalid input: names of types, and suggestions for misspelt names.

use std::fmt::Write as _;

/// Minimum similarity (Jaro-Winkler, 0 to 1) for suggesting one name for another.
const ALIKE: f64 = 0.8;

/// Describes a type or a list of variants that serde's errors name.
pub(crate) fn in_words(expected: &str) -> String {
    let most = match expected {
        "u8" => u8::MAX.into(),
        "u16" => u16::MAX.into(),
        "u32" => u32::MAX.into(),
        "u64" | "usize" => u64::MAX,
        "i8" | "i16" | "i32" | "i64" | "isize" => return "a whole number".to_owned(),
        "f32" | "f64" => return "a number".to_owned(),
        "a boolean" => return "`true` or `false`".to_owned(),
        "a sequence" => return "an array".to_owned(),
        "a map" => return "an object".to_owned(),
        "a formatted UUID string" => return "a UUID".to_owned(),
        // Of two variants.
        _ if expected.contains("` or `") => return format!("one of {}", expected.replace("` or `", "`, `")),
        _ if expected.starts_with("struct ") => return "an object".to_owned(),
        _ => return expected.to_owned(),
    };
    format!("a whole number from 0 to {most}")
}

/// Returns the candidate most similar to `name`, if any is similar enough.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let alike = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= ALIKE);
    alike
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

/// Describes a name that is none of `candidates`.
pub(crate) fn unknown(what: &str, name: &str, candidates: &[&str]) -> String {
    let mut text = format!("unknown {what}; ");
    let _infallible = match closest(name, candidates.iter().copied()) {
        Some(meant) => write!(text, "did you mean `{meant}`?"),
        None if candidates.is_empty() => write!(text, "there is none here"),
        None => write!(text, "expected one of `{}`", candidates.join("`, `")),
    };
    text
}
