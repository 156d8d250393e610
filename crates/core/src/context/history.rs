//! Keeping earlier versions of a context, and going back to them.

use jiff::Timestamp;

use super::validate::content_bytes;
use super::{Change, Context, PastVersion, Patch, Revision, Version, to_millis};

/// Maximum number of earlier versions that a context keeps.
pub const MAX_PAST_VERSIONS: usize = 32;
/// Maximum size of all earlier versions of a context together, in bytes of text and metadata: they are stored with it.
pub const MAX_HISTORY_BYTES: usize = 131_072;

impl PastVersion {
    fn of(context: &Context) -> Self {
        Self {
            revision: context.revision.clone(),
            text: context.text.clone(),
            language: context.language.clone(),
            level: context.level,
            tags: context.tags.clone(),
            metadata: context.metadata.clone(),
            importance: context.importance,
            pinned: context.pinned,
            ttl_secs: context.ttl_secs,
            occurred_at: context.occurred_at,
        }
    }
}

impl Context {
    /// Begins a new version, and keeps the current one among the earlier ones; the oldest of too many go.
    pub(crate) fn begin_version(&mut self, now: Timestamp, by: Option<String>, change: Change) {
        self.history.push(PastVersion::of(self));
        self.revision = Revision {
            version: self.revision.version.saturating_add(1),
            at: to_millis(now),
            by,
            change,
        };
        let mut bytes = 0;
        let kept = self.history.iter().rev().take(MAX_PAST_VERSIONS).take_while(|past| {
            bytes += content_bytes(&past.text, &past.tags, &past.metadata);
            bytes <= MAX_HISTORY_BYTES
        });
        let kept = kept.count();
        self.history.drain(..self.history.len() - kept);
    }

    /// Takes the last change back; `false` if there is no earlier version. The text may need its vector again.
    pub(crate) fn undo(&mut self, now: Timestamp, short_term_ttl_secs: Option<u64>) -> bool {
        let Some(past) = self.history.pop() else { return false };
        let renews_expiry = (past.level, past.pinned, past.ttl_secs) != (self.level, self.pinned, self.ttl_secs);
        self.revision = past.revision;
        self.text = past.text;
        self.language = past.language;
        self.level = past.level;
        self.tags = past.tags;
        self.metadata = past.metadata;
        self.importance = past.importance;
        self.pinned = past.pinned;
        self.ttl_secs = past.ttl_secs;
        self.occurred_at = past.occurred_at;
        if renews_expiry {
            self.renew_expiry(now, short_term_ttl_secs);
        }
        self.updated_at = to_millis(now);
        true
    }

    /// Returns its versions, newest first.
    pub fn versions(&self) -> Vec<Version> {
        let current = Version {
            id: self.id,
            revision: self.revision.clone(),
            text: self.text.clone(),
        };
        let past = self.history.iter().rev().map(|past| Version {
            id: self.id,
            revision: past.revision.clone(),
            text: past.text.clone(),
        });
        std::iter::once(current).chain(past).collect()
    }
}

impl Patch {
    /// Returns `true` if it changes anything of `context`, so that it makes a new version.
    pub(crate) fn changes(&self, context: &Context) -> bool {
        let mut changed = context.clone();
        self.apply(&mut changed, context.updated_at, None);
        changed.expires_at = context.expires_at;
        changed != *context
    }
}
