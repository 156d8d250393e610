//! The plan of a write: new contexts, known ones, and replaced ones.

use std::collections::{HashMap, HashSet};

use super::ContextEngine;
use super::locks::Key;
use super::store::Stored;
use crate::context::{ContentKey, Context, ContextId, Level};
use crate::filter::same_metadata;
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

    /// Returns whether `stored` is what this draft would have become. A level further down is the same context later in
    /// life.
    fn is_unchanged(&self, stored: &Context) -> bool {
        let new = &self.record.context;
        stored.content_key() == self.key
            && stored.level >= new.level
            && stored.tags == new.tags
            && same_metadata(&stored.metadata, &new.metadata)
            && stored.importance.to_bits() == new.importance.to_bits()
            && stored.pinned == new.pinned
            && stored.ttl_secs == new.ttl_secs
            && (!self.given_time || stored.occurred_at == new.occurred_at)
    }
}

/// Contexts stored under the ids and texts of the drafts.
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
pub(super) struct Plan {
    known: Known,
    /// Records to be written, in the order of the drafts.
    pub(super) new: Vec<Record>,
    /// Ids of replaced contexts, each with the one that replaces it.
    pub(super) replaced: HashMap<ContextId, ContextId>,
    /// Stored contexts that replace others although they were replaced themselves.
    pub(super) replaced_before: Vec<Context>,
}

/// The outcome for one draft.
pub(super) enum Outcome {
    New(ContextId),
    /// The same as an earlier one of this batch, which is among the new ones.
    SameAsNew(ContextId),
    Known(Box<Context>),
    Conflict(ContextId),
}

impl Plan {
    /// `replaced` are replacements that earlier parts of the same batch asked for.
    pub(super) fn new(known: Known, replaced: HashMap<ContextId, ContextId>) -> Self {
        Self {
            known,
            new: Vec::new(),
            replaced,
            replaced_before: Vec::new(),
        }
    }

    /// Decides about a draft.
    pub(super) fn admit(&mut self, draft: Draft) -> Outcome {
        let supersedes = draft.supersedes.clone();
        let outcome = self.decide(draft);
        if let Outcome::Known(stored) = &outcome
            && stored.superseded_by.is_some()
            && !supersedes.is_empty()
        {
            self.replaced_before.push((**stored).clone());
        }
        if let Some(by) = outcome.stored_id() {
            for old in supersedes.into_iter().filter(|old| *old != by) {
                if self.leads_to(by, old) {
                    // Of contexts that replace each other in a circle, the one named last is current.
                    self.replaced.remove(&by);
                }
                self.replaced.insert(old, by);
            }
        }
        outcome
    }

    /// Returns whether following replacements from one context leads to another, as far as this batch says.
    fn leads_to(&self, from: ContextId, to: ContextId) -> bool {
        let mut at = from;
        // Never a circle, as each one is broken when it would close.
        while let Some(next) = self.replaced.get(&at) {
            if *next == to {
                return true;
            }
            at = *next;
        }
        false
    }

    fn decide(&mut self, draft: Draft) -> Outcome {
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
        let context = draft.record.context.clone();
        self.known.by_id.insert(id, context.clone());
        self.known.by_content.insert(text_and_level, context);
        self.new.push(draft.record);
        Outcome::New(id)
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
            Self::Conflict(_) => None,
        }
    }

    /// The result for the caller; `written` holds every context that the write changed, as it is stored now.
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
                context: written.get(&context.id).cloned().unwrap_or(*context),
                deduplicated: true,
            }),
            Self::Conflict(id) => Err(Error::Conflict(id)),
        }
    }
}
