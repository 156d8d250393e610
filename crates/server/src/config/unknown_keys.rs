//! Keys that mean nothing, each with the key that was probably meant.

use figment::Figment;
use figment::value::{Dict, Value};

use super::Config;

/// How alike two keys must be (Jaro-Winkler, 0 to 1) for one to be suggested in place of the other.
const ALIKE: f64 = 0.8;

/// Every unknown key in what was given, as problems to report.
pub(super) fn find(given: &Figment) -> Vec<String> {
    let known = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut problems = Vec::new();
    if let Ok(given) = given.extract::<Dict>() {
        compare("", &given, &known, &mut problems);
    }
    problems
}

fn compare(path: &str, given: &Dict, known: &serde_json::Value, problems: &mut Vec<String>) {
    let Some(known) = known.as_object() else { return };
    for (key, value) in given {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match (known.get(key), value) {
            (Some(known), Value::Dict(_, inner)) => compare(&path, inner, known, problems),
            (Some(_), _) => {}
            (None, _) => {
                let closest = known
                    .keys()
                    .map(|candidate| (strsim::jaro_winkler(key, candidate), candidate))
                    .filter(|(likeness, _)| *likeness >= ALIKE)
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                let hint = closest
                    .map(|(_, known)| format!("; did you mean `{known}`?"))
                    .unwrap_or_default();
                problems.push(format!("{path}: unknown key{hint}"));
            }
        }
    }
}
