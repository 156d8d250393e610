//! Changes to a stored context.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Context, Level, TextLanguage, to_millis};

/// Change to a stored context; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// New text, which is embedded again.
    pub text: Option<String>,
    /// New language, as a BCP 47 tag.
    pub language: Option<String>,
    /// New level.
    pub level: Option<Level>,
    /// New tags, replacing the old ones.
    pub tags: Option<Vec<String>>,
    /// Metadata to merge key by key; `null` removes a key.
    pub metadata: Option<Map<String, Value>>,
    /// New importance, 0 to 1.
    pub importance: Option<f32>,
    /// Pins or unpins the context.
    pub pinned: Option<bool>,
    /// Seconds from now until expiry.
    pub ttl_secs: Option<u64>,
    /// Id of the credential that changes it.
    pub by: Option<String>,
}

impl Patch {
    /// Returns the size as JSON of text, tags and metadata of `context` after this change.
    pub fn content_bytes_of(&self, context: &Context) -> usize {
        let mut changed = context.clone();
        self.apply(&mut changed, context.updated_at, None);
        changed.content_bytes()
    }

    /// Applies the change, except for the tokens, terms, detected language and vector of a new text, which the engine computes.
    ///
    /// A change of level, pin or TTL renews the expiry, see [`Context::renew_expiry`].
    pub(crate) fn apply(&self, context: &mut Context, now: Timestamp, short_term_ttl_secs: Option<u64>) {
        if let Some(text) = &self.text {
            text.trim().clone_into(&mut context.text);
        }
        if let Some(tag) = &self.language {
            context.language = Some(TextLanguage {
                tag: tag.clone(),
                detected: false,
            });
        }
        if let Some(tags) = &self.tags {
            context.tags = unique(tags);
        }
        for (key, value) in self.metadata.iter().flatten() {
            if value.is_null() {
                context.metadata.remove(key);
            } else {
                context.metadata.insert(key.clone(), value.clone());
            }
        }
        if let Some(importance) = self.importance {
            context.importance = importance;
        }
        let renews_expiry = self.level.is_some_and(|level| level != context.level)
            || self.pinned.is_some_and(|pinned| pinned != context.pinned)
            || self.ttl_secs.is_some();
        if let Some(level) = self.level {
            context.level = level;
        }
        if let Some(pinned) = self.pinned {
            context.pinned = pinned;
        }
        if let Some(ttl_secs) = self.ttl_secs {
            context.ttl_secs = Some(ttl_secs);
        }
        if renews_expiry {
            context.renew_expiry(now, short_term_ttl_secs);
        }
        context.updated_at = to_millis(now);
    }
}

impl Context {
    /// Sets the time of expiry, counted from `now`.
    ///
    /// The context's own TTL applies at every level; without one only short-term contexts expire, after
    /// `short_term_ttl_secs` if that is set. Pinned contexts never expire.
    pub(crate) fn renew_expiry(&mut self, now: Timestamp, short_term_ttl_secs: Option<u64>) {
        let by_level = short_term_ttl_secs.filter(|_| self.level == Level::ShortTerm);
        self.expires_at = match self.ttl_secs.or(by_level) {
            Some(ttl_secs) if !self.pinned => Some(after(now, ttl_secs)),
            Some(_) | None => None,
        };
    }
}

/// Returns `now` plus `secs`, at most the end of time.
pub(crate) fn after(now: Timestamp, secs: u64) -> Timestamp {
    let millis = i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1000);
    Timestamp::from_millisecond(millis.saturating_add(now.as_millisecond())).unwrap_or(Timestamp::MAX)
}

/// Removes duplicate tags, keeping the first of each.
pub(crate) fn unique(tags: &[String]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    tags.iter().filter(|tag| seen.insert(tag.as_str())).cloned().collect()
}
