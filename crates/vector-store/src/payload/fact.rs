//! Facts: what can be said about a context and looked up, each as one word.
//!
//! A filter on a person, a tag or the metadata asks whether something is so or not. All of these share one index, as
//! each index is a dozen files that every flush has to write: with one for each field a flush takes twice as long. The
//! letter in front keeps the kinds apart.

use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::{metadata_fact, metadata_facts};
use serde_json::Value;
use uuid::Uuid;

/// Facts longer than this are stored as a hash, so that an index never holds a whole document.
const MAX_BYTES: usize = 128;

/// Everything that can be said about `context`.
pub(super) fn all(context: &Context) -> Vec<String> {
    let mut facts = vec![embedded(context.embedded), content(&context.content_key())];
    facts.extend(context.pinned.then(pinned));
    facts.extend(context.user_id.as_deref().map(user));
    facts.extend(context.agent_id.as_deref().map(agent));
    facts.extend(context.tags.iter().map(|name| tag(name)));
    facts.extend(context.derived_from.iter().map(|id| derived(*id)));
    facts.extend(metadata_facts(&context.metadata).iter().map(|fact| new('m', fact)));
    facts
}

pub(crate) fn user(id: &str) -> String {
    new('u', id)
}

pub(crate) fn agent(id: &str) -> String {
    new('a', id)
}

pub(crate) fn tag(name: &str) -> String {
    new('t', name)
}

/// It was made from this one.
pub(crate) fn derived(from: ContextId) -> String {
    new('d', &from.to_string())
}

pub(crate) fn embedded(embedded: bool) -> String {
    new('e', if embedded { "yes" } else { "no" })
}

pub(crate) fn pinned() -> String {
    new('p', "yes")
}

pub(crate) fn content(key: &ContentKey) -> String {
    new('c', key.as_str())
}

/// `None` when nothing can be said about the value, because it is not a scalar.
pub(crate) fn metadata(key: &str, value: &Value) -> Option<String> {
    metadata_fact(key, value).map(|fact| new('m', &fact))
}

fn new(kind: char, value: &str) -> String {
    let fact = format!("{kind}:{value}");
    if fact.len() <= MAX_BYTES {
        fact
    } else {
        // Without the colon it looks like no short one.
        format!(
            "{kind}#{}",
            Uuid::new_v5(&Uuid::NAMESPACE_OID, fact.as_bytes()).simple()
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_kept_apart() {
        assert_ne!(user("x"), agent("x"));
        assert_eq!(metadata("level", &json!("long_term")).unwrap(), "m:level=\"long_term\"");
        assert_eq!(metadata("level", &json!(["long_term"])), None);
    }

    #[test]
    fn long_facts_are_told_apart_by_their_hash() {
        let long = |last: char| tag(&format!("{}{last}", "x".repeat(5000)));
        assert!(long('a').len() < 40);
        assert_ne!(long('a'), long('b'));
        assert_eq!(long('a'), long('a'));
        assert_ne!(long('a'), user(&format!("{}a", "x".repeat(5000))));
    }
}
