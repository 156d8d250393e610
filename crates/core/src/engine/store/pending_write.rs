//! A new context on its way to the store.

use jiff::Timestamp;

use crate::Name;
use crate::context::{Change, ContentKey, Context, ContextId, Level, NewContext, Revision, to_millis, unique_tags};
use crate::engine::locks::Key;
use crate::engine::prepare::Prepared;
use crate::filter::same_metadata;
use crate::ports::Record;

/// Importance of a context that was not given one.
const DEFAULT_IMPORTANCE: f32 = 0.5;

/// Treatment of a context that has the name of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfTaken {
    /// It gets a new version.
    Replace,
    /// The write is refused.
    Refuse,
}

/// A context that is about to be stored.
#[derive(Debug)]
pub(crate) struct PendingWrite {
    pub(crate) record: Record,
    pub(super) key: ContentKey,
    /// Name under which it replaces what is there.
    pub(super) name: Option<Name>,
    keys_of_user: bool,
    /// Set if the client chose the id.
    pub(super) client_id: bool,
    given_time: bool,
    pub(super) if_taken: IfTaken,
    pub(super) supersedes: Vec<ContextId>,
}

impl PendingWrite {
    pub(super) fn new(
        new: NewContext,
        prepared: Prepared,
        dense: Option<Vec<f32>>,
        now: Timestamp,
        short_term_ttl_secs: Option<u64>,
    ) -> Self {
        let time = to_millis(now);
        let (client_id, given_time) = (new.id.is_some(), new.occurred_at.is_some());
        let mut context = Context {
            id: new.id.unwrap_or_else(ContextId::generate),
            text: new.text.trim().to_owned(),
            level: new.level,
            user_id: new.user_id,
            agent_id: new.agent_id,
            session_id: new.session_id,
            scope: new.scope,
            key: new.key,
            origin: new.origin,
            message: new.message,
            part: new.part,
            language: prepared.language,
            tags: unique_tags(&new.tags),
            metadata: new.metadata,
            importance: new.importance.unwrap_or(DEFAULT_IMPORTANCE),
            pinned: new.pinned,
            token_count: prepared.tokens,
            access_count: 0,
            occurred_at: new.occurred_at.unwrap_or_else(|| time.into()),
            created_at: time,
            updated_at: time,
            last_accessed_at: None,
            expires_at: None,
            ttl_secs: new.ttl_secs,
            embedded: dense.is_some(),
            derived_from: Vec::new(),
            similar_to: Vec::new(),
            superseded_by: None,
            sequence: 0,
            slot: None,
            revision: Revision::first(now, new.by),
            history: Vec::new(),
        };
        context.renew_expiry(now, short_term_ttl_secs);
        Self {
            key: context.content_key(),
            name: Name::of(&context),
            keys_of_user: new.keys_of_user,
            record: Record {
                context,
                dense,
                terms: prepared.terms,
            },
            client_id,
            given_time,
            if_taken: IfTaken::Replace,
            supersedes: new.supersedes,
        }
    }

    /// Returns the keys to lock.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let context = &self.record.context;
        let in_session = context.session_id.is_some() || context.level == Level::Immediate;
        [Key::Content(&self.key)]
            .into_iter()
            .chain(self.name.as_ref().map(Key::Name))
            .chain(self.client_id.then_some(Key::Id(context.id)))
            .chain(in_session.then_some(Key::Session(context.session_id.as_deref())))
            .chain(self.supersedes.iter().map(|id| Key::Id(*id)))
    }

    /// Returns `true` if `stored`, which has its name, is what it replaces.
    pub(super) fn is_of(&self, stored: &Context) -> bool {
        !self.keys_of_user || stored.user_id == self.record.context.user_id
    }

    /// Returns the record that replaces `stored`, which has its name; `None` if it belongs to another user, agent or session.
    /// Those of these that the write leaves out stay.
    pub(super) fn onto(mut self, stored: &Context) -> Option<Self> {
        let new = &mut self.record.context;
        for (new, stored) in [
            (&mut new.user_id, &stored.user_id),
            (&mut new.agent_id, &stored.agent_id),
            (&mut new.session_id, &stored.session_id),
        ] {
            if new.is_some() && new != stored {
                return None;
            }
            new.clone_from(stored);
        }
        let by = new.revision.by.take();
        new.id = stored.id;
        new.created_at = stored.created_at;
        new.access_count = stored.access_count;
        new.last_accessed_at = stored.last_accessed_at;
        new.sequence = stored.sequence;
        new.slot = stored.slot;
        let mut versions = stored.clone();
        versions.begin_version(new.updated_at, by, Change::Replaced);
        new.revision = versions.revision;
        new.history = versions.history;
        self.key = new.content_key();
        Some(self)
    }

    /// Returns `true` if `stored` is what this write would have stored, at the same level or a later one.
    pub(super) fn is_unchanged(&self, stored: &Context) -> bool {
        let new = &self.record.context;
        stored.level >= new.level
            && same_content(stored, new)
            && (!self.given_time || stored.occurred_at == new.occurred_at)
    }
}

/// Returns `true` if everything that a client can set is equal, apart from the level and the time of the event.
pub(crate) fn same_content(one: &Context, other: &Context) -> bool {
    one.content_key() == other.content_key()
        && one.given_language() == other.given_language()
        && one.tags == other.tags
        && same_metadata(&one.metadata, &other.metadata)
        && one.importance.to_bits() == other.importance.to_bits()
        && one.pinned == other.pinned
        && one.ttl_secs == other.ttl_secs
        && one.message == other.message
}
