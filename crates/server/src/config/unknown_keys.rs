//! Keys that mean nothing, each with the key that was probably meant.

use figment::value::{Dict, Value};

use context_manager_embedding::ApiConfig;

use super::Config;

/// How alike two keys must be (Jaro-Winkler, 0 to 1) for one to be suggested in place of the other.
const ALIKE: f64 = 0.8;

/// A setting of earlier versions; set to 1 it asked for what there is now.
const SHARDS: &str = "vector_db.shards";

/// Takes the unknown keys out of what was given, so that the rest can be looked at, and reports them as problems.
pub(super) fn take_out(given: &mut Dict) -> Vec<String> {
    // With every section that may be left out.
    let mut all = Config::default();
    all.embedding.next = Some(ApiConfig::default());
    let known = serde_json::to_value(all).unwrap_or_default();
    let mut problems = Vec::new();
    compare("", given, &known, &mut problems);
    problems
}

fn compare(path: &str, given: &mut Dict, known: &serde_json::Value, problems: &mut Vec<String>) {
    let Some(known) = known.as_object() else { return };
    given.retain(|key, value| {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let Some(known_value) = known.get(key) else {
            if path == SHARDS {
                if value.to_i128() != Some(1) {
                    problems.push(format!(
                        "{SHARDS}: data folders are not divided any more, leave it out; bring what is stored along with the \
                         `export` of the version that stored it and the `import` of this one"
                    ));
                }
                return false;
            }
            let closest = known
                .keys()
                .map(|candidate| (strsim::jaro_winkler(key, candidate), candidate))
                .filter(|(likeness, _)| *likeness >= ALIKE)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let hint = closest
                .map(|(_, known)| format!("; did you mean `{known}`?"))
                .unwrap_or_default();
            problems.push(format!("{path}: unknown key{hint}"));
            return false;
        };
        if let Value::Dict(_, inner) = value {
            compare(&path, inner, known_value, problems);
        }
        true
    });
}
