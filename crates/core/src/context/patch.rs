//! A change to a stored context.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Context, Level, to_millis};

/// What to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// A new text, which is embedded again.
    pub text: Option<String>,
    /// Another level.
    pub level: Option<Level>,
    /// All tags, replacing the old ones.
    pub tags: Option<Vec<String>>,
    /// Merged key by key; `null` removes a key.
    pub metadata: Option<Map<String, Value>>,
    /// 0 to 1.
    pub importance: Option<f32>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
    /// Seconds from now until it expires.
    pub ttl_secs: Option<u64>,
}

impl Patch {
    /// Returns how many bytes text, tags and metadata of `context` serialise to as JSON once this is applied.
    pub fn content_bytes_of(&self, context: &Context) -> usize {
        let mut changed = context.clone();
        self.apply(&mut changed, context.updated_at, None);
        changed.content_bytes()
    }

    /// Applies everything but the text's consequences (tokens, terms, vector), which the engine sees to.
    ///
    /// The end of life is set anew when the level, the pin or the TTL changes; see [`Context::renew_expiry`].
    pub(crate) fn apply(&self, context: &mut Context, now: Timestamp, short_term_ttl_secs: Option<u64>) {
        if let Some(text) = &self.text {
            text.trim().clone_into(&mut context.text);
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
        let lives_otherwise = self.level.is_some_and(|level| level != context.level)
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
        if lives_otherwise {
            context.renew_expiry(now, short_term_ttl_secs);
        }
        context.updated_at = to_millis(now);
    }
}

impl Context {
    /// Sets when the context expires, counted from `now`.
    ///
    /// Its own TTL counts at every level; without one only short-term contexts expire, after `short_term_ttl_secs` if
    /// there is one. A pinned context never expires.
    pub(crate) fn renew_expiry(&mut self, now: Timestamp, short_term_ttl_secs: Option<u64>) {
        let by_level = short_term_ttl_secs.filter(|_| self.level == Level::ShortTerm);
        self.expires_at = match self.ttl_secs.or(by_level) {
            Some(ttl_secs) if !self.pinned => Some(after(now, ttl_secs)),
            Some(_) | None => None,
        };
    }
}

/// `now` plus `secs`, or the end of time.
pub(crate) fn after(now: Timestamp, secs: u64) -> Timestamp {
    let millis = i64::try_from(secs)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000)
        .saturating_add(now.as_millisecond());
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

/// The tags without repetition, in their first order.
pub(crate) fn unique(tags: &[String]) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    tags.iter().filter(|tag| seen.insert(tag.as_str())).cloned().collect()
}
