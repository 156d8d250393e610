//! Unknown keys, and suggestions for them.

use figment::value::{Dict, Value};
use serde_json::Value as Known;

use super::{Config, ModelConfig};
use crate::expected::closest;

/// Settings of earlier versions that are accepted at one value only, with that value and the remedy for others.
const FIXED: [(&str, &str, &str); 2] = [
    (
        "vector_db.shards",
        "1",
        "data folders are not divided any more, leave it out; bring what is stored along with the `export` of the version \
         that stored it and the `import` of this one",
    ),
    (
        "vector_db.sharding",
        "hash",
        "collections are not sharded by tenant any more, leave it out; bring what is stored into another collection with the \
         `export` of the version that stored it and the `import` of this one",
    ),
];

/// Settings of earlier versions without effect. They are ignored, so that files that name them still start the server:
/// nothing is lost that they would have kept.
const REMOVED: [&str; 15] = [
    "auth.canaries",
    "consolidation.enabled",
    "consolidation.keep_sources_secs",
    "consolidation.min_accesses",
    "consolidation.min_importance",
    "dedup.own_output_secs",
    "dedup.text_likeness",
    "embedding.cache_size",
    "gc.own_ttl_is_final",
    "gc.promote_pinned",
    "gc.regret_log_size",
    "gc.regret_secs",
    "hirag.near_duplicate_similarity",
    "hirag.neighbours.decay",
    "hirag.weights.similarity",
];

/// Removes unknown keys, so that the rest can be checked, and reports them as problems.
pub(super) fn take_out(given: &mut Dict) -> Vec<String> {
    let mut problems = Vec::new();
    compare("", given, &known(), &mut problems);
    problems
}

/// Returns the key whose path is written here with one underscore in place of each dot.
pub(super) fn meant(key: &str) -> Option<String> {
    inside(key, &known())
}

/// Returns the path of a key.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Returns all keys, with those of optional sections.
fn known() -> Known {
    let mut all = Config::default();
    all.embedding.next = Some(ModelConfig::default());
    serde_json::to_value(all).unwrap_or_default()
}

fn inside(key: &str, known: &Known) -> Option<String> {
    known.as_object()?.iter().find_map(|(section, inner)| {
        let rest = key.strip_prefix(section)?.strip_prefix('_')?;
        let rest = if inner.get(rest).is_some() {
            rest.to_owned()
        } else {
            inside(rest, inner)?
        };
        Some(format!("{section}.{rest}"))
    })
}

fn compare(path: &str, given: &mut Dict, known: &Known, problems: &mut Vec<String>) {
    let Some(fields) = known.as_object() else { return };
    given.retain(|key, value| {
        let path = join(path, key);
        let Some(known_value) = fields.get(key) else {
            if let Some((_, only, way_out)) = FIXED.iter().find(|(key, ..)| *key == path) {
                // The environment gives texts.
                let given = value.to_i128().map(|number| number.to_string());
                if given.as_deref().or(value.as_str()) != Some(only) {
                    problems.push(format!("{path}: {way_out}"));
                }
                return false;
            }
            if REMOVED.contains(&path.as_str()) {
                return false;
            }
            let hint = if let Some(meant) = inside(key, known) {
                format!("; did you mean `{meant}`, with two underscores for the dot in the environment?")
            } else {
                closest(key, fields.keys().map(String::as_str))
                    .map(|meant| format!("; did you mean `{meant}`?"))
                    .unwrap_or_default()
            };
            problems.push(format!("{path}: unknown key{hint}"));
            return false;
        };
        if let Value::Dict(_, inner) = value {
            compare(&path, inner, known_value, problems);
        }
        true
    });
}
