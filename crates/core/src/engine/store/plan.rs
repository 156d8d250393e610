//! The plan of a write: new contexts, existing ones, and replaced ones.

use std::collections::{HashMap, HashSet};

use futures::stream::TryStreamExt;
use jiff::Timestamp;

use super::pending_write::{IfTaken, PendingWrite};
use crate::context::{ContentKey, Context, ContextId, Level};
use crate::engine::listing::pages;
use crate::ports::{ListRequest, Order, Record, StoreError, VectorStore};
use crate::{Error, Filter, Name, Scope, Visibility};

/// A context that is in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The context as it is stored.
    pub context: Context,
    /// Set if it was there before: the same text in the same scope and level, or the same id sent again unchanged.
    pub deduplicated: bool,
    /// Set if it replaced another version under its key.
    pub replaced: bool,
}

impl From<Context> for Stored {
    /// A context that was changed just now.
    fn from(context: Context) -> Self {
        Self {
            context,
            deduplicated: false,
            replaced: false,
        }
    }
}

/// Live contexts stored under the ids, texts and names of the pending writes.
pub(super) struct Existing {
    ids: HashMap<ContextId, Context>,
    contents: HashMap<(ContentKey, Level), Context>,
    /// Contexts with a name, the newest last: users whose keys are their own may share one.
    names: HashMap<Name, Vec<Context>>,
}

impl Existing {
    #[tracing::instrument(level = "debug", name = "look_up", skip_all)]
    pub(super) async fn look_up(
        store: &dyn VectorStore,
        scope: &Scope,
        writes: &[PendingWrite],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let with_id = writes.iter().filter(|write| write.client_id);
        let ids: Vec<ContextId> = with_id.map(|write| write.record.context.id).collect();
        let keys: HashSet<&ContentKey> = writes.iter().map(|write| &write.key).collect();
        let keys: Vec<ContentKey> = keys.into_iter().cloned().collect();
        let by_id = if ids.is_empty() {
            Vec::new()
        } else {
            store.get(scope, &ids).await?
        };
        let by_content = store.find_by_content(scope, &keys).await?;
        // A new context takes the place of an expired one with its id.
        let live = |context: &Context| context.is_live(now);
        let by_id = by_id.into_iter().filter(live);
        let current = by_content
            .into_iter()
            .filter(|context| live(context) && context.superseded_by.is_none());
        Ok(Self {
            names: named(store, scope, writes, now).await?,
            ids: by_id.map(|context| (context.id, context)).collect(),
            contents: current
                .map(|context| ((context.content_key(), context.level), context))
                .collect(),
        })
    }

    /// Returns the context that a write to this name replaces: of two, which servers without a common lock may make, the
    /// newest.
    fn named(&self, name: &Name, write: &PendingWrite) -> Option<Context> {
        let named = self.names.get(name)?;
        named.iter().rev().find(|context| write.is_of(context)).cloned()
    }
}

/// Returns the current contexts that have the names of the pending writes, the newest last.
async fn named(
    store: &dyn VectorStore,
    scope: &Scope,
    writes: &[PendingWrite],
    now: Timestamp,
) -> Result<HashMap<Name, Vec<Context>>, StoreError> {
    let names: HashSet<&Name> = writes.iter().filter_map(|write| write.name.as_ref()).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let request = ListRequest {
        limit: names.len(),
        filter: Filter {
            names: names.into_iter().cloned().collect(),
            visibility: Visibility::Current(now),
            ..Filter::default()
        },
        order: Order::OldestFirst,
        ..ListRequest::default()
    };
    let found: Vec<Record> = pages(store, scope, request).try_concat().await?;
    let mut by_name: HashMap<Name, Vec<Context>> = HashMap::new();
    for Record { context, .. } in found {
        if let Some(name) = Name::of(&context) {
            by_name.entry(name).or_default().push(context);
        }
    }
    Ok(by_name)
}

/// Partition of pending writes into new and existing contexts, in order, so that repetition within a batch counts, too.
pub(super) struct Plan {
    existing: Existing,
    /// Records to write, in order.
    pub(super) new: Vec<Record>,
    /// Records that replace stored ones with the same id.
    pub(super) replacing: HashMap<ContextId, Record>,
    /// Ids of replaced contexts, each with that of its replacement.
    pub(super) replaced: HashMap<ContextId, ContextId>,
    /// Stored contexts that replace others although they were replaced before.
    pub(super) replaced_before: Vec<Context>,
}

/// Outcome of one pending write.
pub(super) enum Outcome {
    New(ContextId),
    /// A repetition of a new context of the same batch.
    SameAsNew(ContextId),
    /// A new version of the context with its key.
    Replaced(ContextId),
    Existing(Box<Context>),
    Conflict(ContextId),
}

impl Plan {
    /// `replaced` holds the replacements that earlier parts of the same batch left unresolved.
    pub(super) fn new(existing: Existing, replaced: HashMap<ContextId, ContextId>) -> Self {
        Self {
            existing,
            new: Vec::new(),
            replacing: HashMap::new(),
            replaced,
            replaced_before: Vec::new(),
        }
    }

    pub(super) fn admit(&mut self, write: PendingWrite) -> Outcome {
        let supersedes = write.supersedes.clone();
        let outcome = self.decide(write);
        if let Outcome::Existing(stored) = &outcome
            && stored.superseded_by.is_some()
            && !supersedes.is_empty()
        {
            self.replaced_before.push((**stored).clone());
        }
        if let Some(by) = outcome.stored_id() {
            for old in supersedes.into_iter().filter(|old| *old != by) {
                if self.leads_to(by, old) {
                    // Of contexts that replace each other in a circle, the last one stays current.
                    self.replaced.remove(&by);
                }
                self.replaced.insert(old, by);
            }
        }
        outcome
    }

    /// Returns `true` if the replacements of this batch lead from one context to another.
    fn leads_to(&self, from: ContextId, to: ContextId) -> bool {
        let mut at = from;
        // Terminates: `admit` breaks every circle.
        while let Some(next) = self.replaced.get(&at) {
            if *next == to {
                return true;
            }
            at = *next;
        }
        false
    }

    fn decide(&mut self, write: PendingWrite) -> Outcome {
        let id = write.record.context.id;
        if let Some(name) = &write.name
            && let Some(stored) = self.existing.named(name, &write)
        {
            return match write.if_taken {
                IfTaken::Replace => self.put(write, stored),
                IfTaken::Refuse => Outcome::Conflict(stored.id),
            };
        }
        if write.client_id
            && let Some(stored) = self.existing.ids.get(&id)
        {
            return if write.is_unchanged(stored) {
                self.found(stored.clone())
            } else {
                Outcome::Conflict(id)
            };
        }
        let text_and_level = (write.key.clone(), write.record.context.level);
        if let Some(stored) = self.existing.contents.get(&text_and_level)
            && !write.supersedes.contains(&stored.id)
        {
            return self.found(stored.clone());
        }
        let context = write.record.context.clone();
        if let Some(name) = write.name {
            self.existing.names.entry(name).or_default().push(context.clone());
        }
        self.existing.ids.insert(id, context.clone());
        self.existing.contents.insert(text_and_level, context);
        self.new.push(write.record);
        Outcome::New(id)
    }

    /// Replaces the context that has the name of a write.
    fn put(&mut self, write: PendingWrite, stored: Context) -> Outcome {
        if write.client_id && write.record.context.id != stored.id {
            return Outcome::Conflict(write.record.context.id);
        }
        let Some(write) = write.onto(&stored) else {
            return Outcome::Conflict(stored.id);
        };
        if write.record.context.level == stored.level && write.is_unchanged(&stored) {
            return self.found(stored);
        }
        let context = write.record.context.clone();
        if let Some(name) = write.name {
            let named = self.existing.names.entry(name).or_default();
            named.retain(|old| old.id != stored.id);
            named.push(context);
        }
        match self.new.iter_mut().find(|record| record.context.id == stored.id) {
            // Within a batch the later of two writes counts.
            Some(new) => *new = write.record,
            None => drop(self.replacing.insert(stored.id, write.record)),
        }
        Outcome::Replaced(stored.id)
    }

    fn found(&self, stored: Context) -> Outcome {
        let is_new = self.new.iter().any(|record| record.context.id == stored.id);
        if is_new || self.replacing.contains_key(&stored.id) {
            Outcome::SameAsNew(stored.id)
        } else {
            Outcome::Existing(Box::new(stored))
        }
    }
}

impl Outcome {
    fn stored_id(&self) -> Option<ContextId> {
        match self {
            Self::New(id) | Self::SameAsNew(id) | Self::Replaced(id) => Some(*id),
            Self::Existing(context) => Some(context.id),
            Self::Conflict(_) => None,
        }
    }

    /// Returns the result for the caller; `written` holds all written contexts as they are stored.
    pub(super) fn into_result(self, written: &HashMap<ContextId, Context>) -> Result<Stored, Error> {
        let deduplicated = !matches!(self, Self::New(_) | Self::Replaced(_));
        let replaced = matches!(self, Self::Replaced(_));
        let context = match self {
            Self::New(id) | Self::SameAsNew(id) | Self::Replaced(id) => written[&id].clone(),
            Self::Existing(context) => written.get(&context.id).cloned().unwrap_or(*context),
            Self::Conflict(id) => return Err(Error::Conflict(id)),
        };
        Ok(Stored {
            context,
            deduplicated,
            replaced,
        })
    }
}
