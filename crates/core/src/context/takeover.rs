//! One context taking the place of others.

use super::{Context, MAX_TAGS};
use crate::context::Patch;

impl Context {
    /// Takes over what was known of `other`, which this context replaces: its tags, its metadata as far as this one says
    /// nothing else, its counts and its importance.
    ///
    /// What would make it larger than a context may be is left out.
    pub(crate) fn take_over(&mut self, other: &Self) {
        for tag in &other.tags {
            if self.tags.len() < MAX_TAGS && !self.tags.contains(tag) {
                self.tags.push(tag.clone());
                if self.is_too_large() {
                    self.tags.pop();
                }
            }
        }
        for (key, value) in &other.metadata {
            if !self.metadata.contains_key(key) {
                self.metadata.insert(key.clone(), value.clone());
                if self.is_too_large() {
                    self.metadata.remove(key);
                }
            }
        }
        self.importance = self.importance.max(other.importance);
        self.access_count = self.access_count.saturating_add(other.access_count);
        self.last_accessed_at = self.last_accessed_at.max(other.last_accessed_at);
        self.derived_from.push(other.id);
    }

    fn is_too_large(&self) -> bool {
        !Patch::validate_result(self).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::test_context;

    #[test]
    fn everything_is_joined_and_the_new_one_has_the_last_word() {
        let metadata = |value: serde_json::Value| value.as_object().unwrap().clone();
        let old = Context {
            tags: vec!["a".to_owned(), "b".to_owned()],
            metadata: metadata(json!({"source": "chat", "mood": "good"})),
            access_count: 3,
            importance: 0.9,
            ..test_context("old")
        };
        let mut new = Context {
            tags: vec!["b".to_owned()],
            metadata: metadata(json!({"source": "mail"})),
            access_count: 1,
            ..test_context("new")
        };
        new.take_over(&old);
        assert_eq!(new.tags, ["b", "a"]);
        assert_eq!(new.metadata, metadata(json!({"source": "mail", "mood": "good"})));
        assert_eq!((new.access_count, new.importance.to_bits()), (4, 0.9_f32.to_bits()));
        assert_eq!(new.derived_from, [old.id]);
    }

    #[test]
    fn nothing_makes_it_too_large() {
        let big = |key: &str| [(key.to_owned(), json!("x".repeat(40_000)))].into_iter().collect();
        let old = Context {
            metadata: big("old"),
            tags: (0..100).map(|n| format!("tag {n}")).collect(),
            ..test_context("old")
        };
        let mut new = Context {
            metadata: big("new"),
            ..test_context("new")
        };
        new.take_over(&old);
        assert!(Patch::validate_result(&new).is_empty());
        assert!(new.metadata.contains_key("new") && !new.metadata.contains_key("old"));
        assert_eq!(new.tags.len(), MAX_TAGS);
    }
}
