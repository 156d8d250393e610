//! What becomes of contexts that are about to be stored: which are new, and which are there already.

use std::collections::{HashMap, HashSet};

use super::ContextEngine;
use super::locks::Key;
use super::near::Alike;
use super::store::Stored;
use crate::context::{ContentKey, Context, ContextId, Level};
use crate::lifecycle::NearDuplicates;
use crate::ports::{Record, StoreError};
use crate::{Error, Scope};

/// A context about to be stored.
pub(super) struct Draft {
    pub(super) record: Record,
    pub(super) key: ContentKey,
    pub(super) client_id: bool,
    pub(super) given_time: bool,
    pub(super) supersedes: Vec<ContextId>,
}

impl Draft {
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let context = &self.record.context;
        let in_session = context.session_id.is_some() || context.level == Level::Immediate;
        [Key::Content(&self.key)]
            .into_iter()
            .chain(self.client_id.then_some(Key::Id(context.id)))
            .chain(in_session.then_some(Key::Session(context.session_id.as_deref())))
            .chain(self.supersedes.iter().map(|id| Key::Id(*id)))
    }

    /// Whether `stored` is what this draft would have become. A level further down is the same context later in life, and
    /// what took over from others has more than it was given.
    fn is_unchanged(&self, stored: &Context) -> bool {
        let new = &self.record.context;
        let same_labels = if stored.derived_from.is_empty() {
            stored.tags == new.tags
                && stored.metadata == new.metadata
                && stored.importance.to_bits() == new.importance.to_bits()
        } else {
            new.tags.iter().all(|tag| stored.tags.contains(tag))
                && new
                    .metadata
                    .iter()
                    .all(|(key, value)| stored.metadata.get(key) == Some(value))
                && stored.importance >= new.importance
        };
        stored.content_key() == self.key
            && stored.level >= new.level
            && same_labels
            && stored.pinned == new.pinned
            && stored.ttl_secs == new.ttl_secs
            && (!self.given_time || stored.occurred_at == new.occurred_at)
    }
}

/// What is stored already under the ids and texts of the drafts.
pub(super) struct Known {
    by_id: HashMap<ContextId, Context>,
    by_content: HashMap<(ContentKey, Level), Context>,
}

impl Known {
    #[tracing::instrument(level = "debug", skip_all)]
    pub(super) async fn look_up(engine: &ContextEngine, scope: &Scope, drafts: &[Draft]) -> Result<Self, StoreError> {
        let ids: Vec<ContextId> = drafts
            .iter()
            .filter(|draft| draft.client_id)
            .map(|draft| draft.record.context.id)
            .collect();
        let keys: HashSet<&ContentKey> = drafts.iter().map(|draft| &draft.key).collect();
        let keys: Vec<ContentKey> = keys.into_iter().cloned().collect();
        let by_id = if ids.is_empty() {
            Vec::new()
        } else {
            engine.store.get(scope, &ids).await?
        };
        let now = engine.clock.now();
        let same_text = engine.store.find_by_content(scope, &keys).await?;
        Ok(Self {
            // An expired context is gone for its id too: the new one takes its place.
            by_id: by_id
                .into_iter()
                .filter(|context| context.is_live(now))
                .map(|c| (c.id, c))
                .collect(),
            by_content: same_text
                .into_iter()
                .filter(|context| context.is_live(now) && context.superseded_by.is_none())
                .map(|context| ((context.content_key(), context.level), context))
                .collect(),
        })
    }
}

/// Sorts drafts into new ones and known ones, in order, so that repetition within one batch is seen too.
pub(super) struct Plan<'a> {
    known: Known,
    alike: Alike<'a>,
    /// What is to be written, in the order of the drafts.
    pub(super) new: Vec<Record>,
    /// What is replaced, by what.
    pub(super) replaced: HashMap<ContextId, ContextId>,
}

/// What becomes of one draft.
pub(super) enum Outcome {
    New(ContextId),
    /// The same as an earlier one of this batch, which is among the new ones.
    SameAsNew(ContextId),
    Known(Box<Context>),
    Conflict(ContextId),
    /// It says nearly the same as this one, and such are refused.
    NearDuplicate(ContextId),
}

impl<'a> Plan<'a> {
    pub(super) fn new(known: Known, alike: Alike<'a>) -> Self {
        Self {
            known,
            alike,
            new: Vec::new(),
            replaced: HashMap::new(),
        }
    }

    /// Decides about a draft; `near` are the stored contexts that say nearly the same.
    pub(super) fn admit(&mut self, draft: Draft, near: Vec<Context>) -> Outcome {
        let supersedes = draft.supersedes.clone();
        let outcome = self.decide(draft, near);
        if let Some(by) = outcome.stored_id() {
            let others = supersedes.into_iter().filter(|old| *old != by);
            self.replaced.extend(others.map(|old| (old, by)));
        }
        outcome
    }

    fn decide(&mut self, mut draft: Draft, near: Vec<Context>) -> Outcome {
        let id = draft.record.context.id;
        if draft.client_id
            && let Some(stored) = self.known.by_id.get(&id)
        {
            return if draft.is_unchanged(stored) {
                self.existing(stored.clone())
            } else {
                Outcome::Conflict(id)
            };
        }
        let text_and_level = (draft.key.clone(), draft.record.context.level);
        if let Some(stored) = self.known.by_content.get(&text_and_level)
            && !draft.supersedes.contains(&stored.id)
        {
            return self.existing(stored.clone());
        }
        let near = self.still_near(&draft, near);
        match (self.alike.policy(), near.first()) {
            (NearDuplicates::Reject, Some(other)) => return Outcome::NearDuplicate(other.id),
            (NearDuplicates::Merge, Some(_)) => self.merge(&mut draft, near),
            (NearDuplicates::Keep, _) | (_, None) => {}
        }
        let context = draft.record.context.clone();
        self.known.by_id.insert(id, context.clone());
        self.known.by_content.insert(text_and_level, context);
        self.new.push(draft.record);
        Outcome::New(id)
    }

    /// What says nearly the same as a draft and is not replaced anyway, from the store and from this batch.
    fn still_near(&self, draft: &Draft, mut near: Vec<Context>) -> Vec<Context> {
        let batch = self
            .new
            .iter()
            .filter(|record| self.alike.says_the_same(&draft.record, record));
        near.extend(batch.map(|record| record.context.clone()));
        near.retain(|other| !draft.supersedes.contains(&other.id) && !self.replaced.contains_key(&other.id));
        near
    }

    /// The draft takes the place of those that say nearly the same; pinned ones stay as they are.
    fn merge(&mut self, draft: &mut Draft, near: Vec<Context>) {
        if draft.record.context.pinned {
            return;
        }
        for other in near.into_iter().filter(|other| !other.pinned) {
            self.replaced.insert(other.id, draft.record.context.id);
            draft.record.context.take_over(&other);
        }
    }

    fn existing(&self, stored: Context) -> Outcome {
        if self.new.iter().any(|record| record.context.id == stored.id) {
            Outcome::SameAsNew(stored.id)
        } else {
            Outcome::Known(Box::new(stored))
        }
    }
}

impl Outcome {
    fn stored_id(&self) -> Option<ContextId> {
        match self {
            Self::New(id) | Self::SameAsNew(id) => Some(*id),
            Self::Known(context) => Some(context.id),
            Self::Conflict(_) | Self::NearDuplicate(_) => None,
        }
    }

    pub(super) fn into_result(self, written: &HashMap<ContextId, Context>) -> Result<Stored, Error> {
        match self {
            Self::New(id) => Ok(Stored {
                context: written[&id].clone(),
                deduplicated: false,
            }),
            Self::SameAsNew(id) => Ok(Stored {
                context: written[&id].clone(),
                deduplicated: true,
            }),
            Self::Known(context) => Ok(Stored {
                context: *context,
                deduplicated: true,
            }),
            Self::Conflict(id) => Err(Error::Conflict(id)),
            Self::NearDuplicate(id) => Err(Error::NearDuplicate(id)),
        }
    }
}
