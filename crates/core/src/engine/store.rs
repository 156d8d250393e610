//! Storing: validate, recognise what is there already, write durably, then remember in working memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;

use super::ContextEngine;
use super::locks::Key;
use super::prepare::Prepared;
use crate::context::{
    ContentKey, Context, ContextId, Level, NewContext, Superseded, Violations, to_millis, unique_tags,
};
use crate::l1::SessionKey;
use crate::ports::{Record, StoreError, StoreErrorKind};
use crate::{Error, Scope};

/// The importance of a context that was not given one.
const DEFAULT_IMPORTANCE: f32 = 0.5;

/// A context that is in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// As it is stored.
    pub context: Context,
    /// Whether it was there before: the same text in the same scope and level, or the same id sent again unchanged.
    pub deduplicated: bool,
}

impl ContextEngine {
    /// Stores one context; when this returns `Ok` it is durable and can be found.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Conflict`] when the id holds something else, [`Error::Store`].
    pub async fn store(&self, scope: &Scope, new: NewContext) -> Result<Stored, Error> {
        let mut results = self.store_many(scope, vec![new], |_| String::new()).await;
        // One in, one out.
        results
            .pop()
            .unwrap_or_else(|| Err(Error::Invalid(Violations::default())))
    }

    /// Stores many; each has its own result, in the order given, and a bad one loses no good one.
    ///
    /// `pointer` tells where in the request the context at a position stands, for [`Error::Invalid`].
    pub async fn store_many(
        &self,
        scope: &Scope,
        new: Vec<NewContext>,
        pointer: impl Fn(usize) -> String,
    ) -> Vec<Result<Stored, Error>> {
        let mut results: Vec<Option<Result<Stored, Error>>> = Vec::with_capacity(new.len());
        let mut drafts = Vec::new();
        for (at, new) in new.into_iter().enumerate() {
            let found = new.validate(&pointer(at));
            if found.is_empty() {
                drafts.push((at, new));
                results.push(None);
            } else {
                results.push(Some(Err(Error::Invalid(found))));
            }
        }
        let (positions, drafts): (Vec<usize>, Vec<NewContext>) = drafts.into_iter().unzip();
        for (at, result) in positions.into_iter().zip(self.store_valid(scope, drafts).await) {
            results[at] = Some(result);
        }
        // Every position was filled by one of the two loops.
        results.into_iter().flatten().collect()
    }

    #[tracing::instrument(level = "debug", name = "store", skip_all, fields(contexts = new.len()))]
    async fn store_valid(&self, scope: &Scope, new: Vec<NewContext>) -> Vec<Result<Stored, Error>> {
        let texts: Vec<String> = new.iter().map(|new| new.text.trim().to_owned()).collect();
        let prepared = self.preparer.prepare(&texts).await;
        // Held until the vectors are written: they must not meet those of another model.
        let model = self.model.read().await;
        let vectors = self.embed(&model, &texts).await;
        let now = self.clock.now();
        let mut drafts = Vec::with_capacity(texts.len());
        let mut rejected = Vec::with_capacity(texts.len());
        for ((new, prepared), dense) in new.into_iter().zip(prepared).zip(vectors) {
            rejected.push(match dense {
                Ok(dense) => {
                    drafts.push(self.draft(new, prepared, dense, now));
                    None
                }
                Err(error) => Some(error),
            });
        }
        let count = drafts.len();
        let written = match self.write(scope, drafts).await {
            Ok(results) => results,
            Err(error) => repeat_error(&error, count),
        };
        let mut written = written.into_iter();
        let results = rejected
            .into_iter()
            .map(|rejected| rejected.map_or_else(|| written.next(), |error| Some(Err(error))));
        results.flatten().collect()
    }

    fn draft(&self, new: NewContext, prepared: Prepared, dense: Option<Vec<f32>>, now: Timestamp) -> Draft {
        let time = to_millis(now);
        let client_id = new.id.is_some();
        let mut context = Context {
            id: new.id.unwrap_or_else(ContextId::generate),
            text: new.text.trim().to_owned(),
            level: new.level,
            user_id: new.user_id,
            agent_id: new.agent_id,
            session_id: new.session_id,
            tags: unique_tags(&new.tags),
            metadata: new.metadata,
            importance: new.importance.unwrap_or(DEFAULT_IMPORTANCE),
            pinned: new.pinned,
            token_count: prepared.tokens,
            access_count: 0,
            occurred_at: new.occurred_at.map_or(time, to_millis),
            created_at: time,
            updated_at: time,
            last_accessed_at: None,
            expires_at: None,
            ttl_secs: new.ttl_secs,
            embedded: dense.is_some(),
            derived_from: Vec::new(),
            superseded_by: None,
            sequence: 0,
            slot: None,
        };
        context.renew_expiry(now, self.config.l2_cache_ttl);
        let key = context.content_key();
        let given_time = new.occurred_at.is_some();
        let record = Record {
            context,
            dense,
            terms: prepared.terms,
        };
        Draft {
            record,
            key,
            client_id,
            given_time,
            supersedes: new.supersedes,
        }
    }

    #[tracing::instrument(level = "debug", skip_all, fields(contexts = drafts.len()))]
    async fn write(&self, scope: &Scope, drafts: Vec<Draft>) -> Result<Vec<Result<Stored, Error>>, Error> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let _locks = self
            .locks
            .lock(scope.tenant(), drafts.iter().flat_map(Draft::keys))
            .await;
        let epoch = self.l1.epoch();
        let known = Known::look_up(self, scope, &drafts).await?;
        let mut plan = Plan::new(known);
        let mut outcomes = Vec::with_capacity(drafts.len());
        let mut supersedes = Vec::new();
        for draft in drafts {
            let replaced = draft.supersedes.clone();
            let outcome = plan.admit(draft);
            if let Some(by) = outcome.stored_id()
                && !replaced.is_empty()
            {
                supersedes.push((by, replaced));
            }
            outcomes.push(outcome);
        }
        let now = self.clock.now();
        let mut records = plan.new;
        let mut contexts: Vec<Context> = records.iter().map(|record| record.context.clone()).collect();
        self.assign_slots(scope, &mut contexts).await?;
        for (record, mut context) in records.iter_mut().zip(contexts) {
            context.sequence = self.next_sequence(now);
            record.context = context;
        }
        if !records.is_empty() {
            self.store.upsert(scope, records.clone()).await?;
            self.vocabularies.stored(scope.tenant(), &records);
            if records.iter().any(|record| record.dense.is_none()) {
                self.pending.arrived();
            }
        }
        self.mark_superseded(scope, &supersedes, now).await?;
        self.remember(scope, &records, epoch).await;
        let written: HashMap<ContextId, Context> = records
            .into_iter()
            .map(|record| (record.context.id, record.context))
            .collect();
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.into_result(&written))
            .collect())
    }

    async fn mark_superseded(
        &self,
        scope: &Scope,
        supersedes: &[(ContextId, Vec<ContextId>)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let by: HashMap<ContextId, ContextId> = supersedes
            .iter()
            .flat_map(|(by, replaced)| replaced.iter().map(|old| (*old, *by)))
            .collect();
        if by.is_empty() {
            return Ok(());
        }
        let ids: Vec<ContextId> = by.keys().copied().collect();
        let mut old = self.store.get(scope, &ids).await?;
        old.retain(|context| context.superseded_by.is_none());
        for context in &mut old {
            context.superseded_by = Some(Superseded {
                by: by[&context.id],
                at: to_millis(now),
            });
            context.updated_at = to_millis(now);
        }
        self.store.update(scope, old.clone()).await?;
        for context in &old {
            self.l1.changed(scope.tenant(), context, None);
        }
        Ok(())
    }

    /// Puts new immediate contexts into working memory and moves on what overflows. The write is durable already: a
    /// failure here costs a later read, not data.
    #[tracing::instrument(level = "debug", skip_all)]
    async fn remember(&self, scope: &Scope, records: &[Record], epoch: u64) {
        let mut sessions: BTreeMap<Option<&str>, Vec<&Record>> = BTreeMap::new();
        for record in records.iter().filter(|record| record.context.level == Level::Immediate) {
            sessions
                .entry(record.context.session_id.as_deref())
                .or_default()
                .push(record);
        }
        let mut overflow = Vec::new();
        for (session, records) in sessions {
            let key = SessionKey {
                tenant: scope.tenant().clone(),
                session: session.map(str::to_owned),
            };
            if self.l1.epoch() == epoch && self.l1.snapshot(&key).is_some() {
                let left = records
                    .into_iter()
                    .flat_map(|record| self.l1.push(&key, record.clone()));
                overflow.extend(left.map(|record| record.context.clone()));
            } else {
                // Something was deleted or changed meanwhile, or the session is not in memory: read it back whole, the
                // new ones included, which moves on the overflow too.
                self.l1.forget(&key);
                if let Err(error) = self.fill(scope, &key).await {
                    tracing::warn!(error = %error, "working memory was not read back");
                }
            }
        }
        if !overflow.is_empty()
            && let Err(error) = self.move_to_short_term(scope, overflow).await
        {
            tracing::warn!(error = %error, "contexts beyond the immediate level were not moved on yet");
        }
    }
}

/// A context about to be stored.
struct Draft {
    record: Record,
    key: ContentKey,
    client_id: bool,
    given_time: bool,
    supersedes: Vec<ContextId>,
}

impl Draft {
    fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let context = &self.record.context;
        let in_session = context.session_id.is_some() || context.level == Level::Immediate;
        [Key::Content(&self.key)]
            .into_iter()
            .chain(self.client_id.then_some(Key::Id(context.id)))
            .chain(in_session.then_some(Key::Session(context.session_id.as_deref())))
            .chain(self.supersedes.iter().map(|id| Key::Id(*id)))
    }

    /// Whether `stored` is what this draft would have become. A level further down is the same context later in life.
    fn is_unchanged(&self, stored: &Context) -> bool {
        let new = &self.record.context;
        stored.content_key() == self.key
            && stored.level >= new.level
            && stored.tags == new.tags
            && stored.metadata == new.metadata
            && stored.importance.to_bits() == new.importance.to_bits()
            && stored.pinned == new.pinned
            && stored.ttl_secs == new.ttl_secs
            && (!self.given_time || stored.occurred_at == new.occurred_at)
    }
}

/// What is stored already under the ids and texts of the drafts.
struct Known {
    by_id: HashMap<ContextId, Context>,
    by_content: HashMap<(ContentKey, Level), Context>,
}

impl Known {
    #[tracing::instrument(level = "debug", skip_all)]
    async fn look_up(engine: &ContextEngine, scope: &Scope, drafts: &[Draft]) -> Result<Self, StoreError> {
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
struct Plan {
    known: Known,
    new: Vec<Record>,
}

/// What becomes of one draft.
enum Outcome {
    New(ContextId),
    /// The same as an earlier one of this batch, which is among the new ones.
    SameAsNew(ContextId),
    Known(Box<Context>),
    Conflict(ContextId),
}

impl Plan {
    fn new(known: Known) -> Self {
        Self { known, new: Vec::new() }
    }

    fn admit(&mut self, draft: Draft) -> Outcome {
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
        let text_and_level = (draft.key, draft.record.context.level);
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

    fn into_result(self, written: &HashMap<ContextId, Context>) -> Result<Stored, Error> {
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
        }
    }
}

/// The same failure for each of `count` items.
fn repeat_error<T>(error: &Error, count: usize) -> Vec<Result<T, Error>> {
    let (operation, kind) = match error {
        Error::Store(error) => (error.operation, error.kind),
        Error::Invalid(_) | Error::NotFound(_) | Error::Conflict(_) | Error::Embedding(_) => {
            ("write", StoreErrorKind::Internal)
        }
    };
    tracing::error!(error = %error, source = ?std::error::Error::source(error), items = count, "contexts were not stored");
    (0..count)
        .map(|_| {
            Err(Error::Store(StoreError {
                operation,
                kind,
                source: None,
            }))
        })
        .collect()
}
