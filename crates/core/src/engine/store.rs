//! Storing: validate, recognise known contexts, write durably, then remember in working memory.

use std::collections::HashMap;

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use super::ContextEngine;
use super::locks::Key;
use super::plan::{Draft, Known, Outcome, Plan};
use super::prepare::Prepared;
use super::session::SESSIONS_AT_ONCE;
use crate::context::{Context, ContextId, Level, NewContext, Superseded, Violations, after, to_millis, unique_tags};
use crate::l1::SessionKey;
use crate::ports::{ListRequest, Record, StoreError, StoreErrorKind};
use crate::{Error, Filter, Scope};

/// Contexts of one batch that are written in one step, and are locked together.
const WRITTEN_AT_ONCE: usize = 64;
/// Replacements that are followed to tell whether contexts replace each other in a circle.
const MAX_REPLACEMENTS: usize = 1000;
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
        let vectors = self.embed(scope, &model, &texts).await;
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
        self.name_similar(scope, drafts.iter_mut().map(|draft| &mut draft.record))
            .await;
        let mut written = self.write_all(scope, drafts).await.into_iter();
        let results = rejected
            .into_iter()
            .map(|rejected| rejected.map_or_else(|| written.next(), |error| Some(Err(error))));
        results.flatten().collect()
    }

    /// Writes drafts part by part, so that other calls get the locks in between.
    async fn write_all(&self, scope: &Scope, mut drafts: Vec<Draft>) -> Vec<Result<Stored, Error>> {
        let mut results = Vec::with_capacity(drafts.len());
        // Replacements of contexts that a later part may store.
        let mut unresolved = HashMap::new();
        while !drafts.is_empty() {
            let rest = drafts.split_off(drafts.len().min(WRITTEN_AT_ONCE));
            let count = drafts.len();
            match self.write(scope, drafts, &mut unresolved).await {
                Ok(written) => results.extend(written),
                Err(error) => results.extend(repeat_error(&error, count)),
            }
            drafts = rest;
        }
        results
    }

    pub(super) fn draft(&self, new: NewContext, prepared: Prepared, dense: Option<Vec<f32>>, now: Timestamp) -> Draft {
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
        };
        context.renew_expiry(now, self.config.short_term_ttl_secs());
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

    /// Writes drafts in one step. `unresolved` are replacements of contexts that were not stored yet.
    #[tracing::instrument(level = "debug", skip_all, fields(contexts = drafts.len()))]
    pub(super) async fn write(
        &self,
        scope: &Scope,
        drafts: Vec<Draft>,
        unresolved: &mut HashMap<ContextId, ContextId>,
    ) -> Result<Vec<Result<Stored, Error>>, Error> {
        let keys: Vec<Key<'_>> = drafts.iter().flat_map(Draft::keys).collect();
        let _locks = self.locks.lock(scope.tenant(), keys).await;
        let at_hand = self.working_memories(scope, &drafts);
        let known = Known::look_up(self, scope, &drafts).await?;
        let mut plan = Plan::new(known, std::mem::take(unresolved));
        let outcomes: Vec<Outcome> = drafts.into_iter().map(|draft| plan.admit(draft)).collect();
        let now = self.clock.now();
        let mut changed = self.current_again(scope, &plan, now).await?;
        let Plan {
            new: mut records,
            mut replaced,
            ..
        } = plan;
        let mut contexts: Vec<Context> = records.iter().map(|record| record.context.clone()).collect();
        self.assign_slots(scope, &mut contexts).await?;
        self.seed_sequence(scope).await?;
        for (record, mut context) in records.iter_mut().zip(contexts) {
            context.sequence = self.next_sequence(now);
            if let Some(by) = replaced.remove(&context.id) {
                self.supersede(&mut context, by, now);
            }
            record.context = context;
        }
        changed.extend(self.take_replaced(scope, &mut replaced, now).await?);
        *unresolved = replaced;
        if !records.is_empty() || !changed.is_empty() {
            // In one step: nobody sees the new one beside the old one, or neither of them.
            self.store.replace(scope, records.clone(), changed.clone()).await?;
        }
        self.vocabularies.stored(scope.tenant(), &records);
        if records.iter().any(|record| record.dense.is_none()) {
            self.pending.arrived();
        }
        for record in &changed {
            self.l1.changed(scope.tenant(), &record.context, None);
        }
        self.remember(scope, &records, at_hand).await;
        let written: HashMap<ContextId, Context> = records
            .into_iter()
            .chain(changed)
            .map(|record| (record.context.id, record.context))
            .collect();
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.into_result(&written))
            .collect())
    }

    /// Takes from `by` the stored contexts that are replaced, as they are to be stored from now on.
    async fn take_replaced(
        &self,
        scope: &Scope,
        by: &mut HashMap<ContextId, ContextId>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        if by.is_empty() {
            return Ok(Vec::new());
        }
        let mut old = self.records(scope, by.keys().copied().collect()).await?;
        old.retain_mut(|record| {
            let by = by.remove(&record.context.id);
            // One that was replaced before stays as it is.
            let by = by.filter(|_| record.context.superseded_by.is_none());
            if let Some(by) = by {
                self.supersede(&mut record.context, by, now);
            }
            by.is_some()
        });
        Ok(old)
    }

    /// Contexts that are current again, because they now replace what had replaced them: of a circle one stays current.
    async fn current_again(&self, scope: &Scope, plan: &Plan, now: Timestamp) -> Result<Vec<Record>, StoreError> {
        let mut ids = Vec::new();
        let replacing = plan.replaced_before.iter();
        for context in replacing.filter(|context| !plan.replaced.contains_key(&context.id)) {
            let mut at = context.superseded_by.map(|superseded| superseded.by);
            let mut steps = 0;
            while let Some(id) = at
                && steps < MAX_REPLACEMENTS
            {
                if plan.replaced.get(&id) == Some(&context.id) {
                    ids.push(context.id);
                    break;
                }
                let stored = self.store.get(scope, &[id]).await?.pop();
                at = stored
                    .and_then(|stored| stored.superseded_by)
                    .map(|superseded| superseded.by);
                steps += 1;
            }
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut records = self.records(scope, ids).await?;
        for record in &mut records {
            record.context.superseded_by = None;
            record.context.renew_expiry(now, self.config.short_term_ttl_secs());
            record.context.updated_at = to_millis(now);
        }
        Ok(records)
    }

    /// Stored contexts with their vectors and words.
    pub(super) async fn records(&self, scope: &Scope, ids: Vec<ContextId>) -> Result<Vec<Record>, StoreError> {
        let mut request = ListRequest {
            limit: ids.len(),
            filter: Filter::by_ids(ids),
            with_vectors: true,
            ..ListRequest::default()
        };
        let mut found = Vec::new();
        loop {
            let page = self.store.list(scope, request.clone()).await?;
            found.extend(page.items);
            request.after = page.next;
            if request.after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Marks a context as replaced; it lives on for `gc.superseded_ttl_secs` at most.
    pub(super) fn supersede(&self, context: &mut Context, by: ContextId, now: Timestamp) {
        context.superseded_by = Some(Superseded { by, at: to_millis(now) });
        context.updated_at = to_millis(now);
        let ttl_secs = self.lifecycle.gc.superseded_ttl_secs;
        if ttl_secs > 0 && !context.pinned {
            let end = after(now, ttl_secs);
            context.expires_at = Some(context.expires_at.map_or(end, |expires_at| expires_at.min(end)));
        }
    }

    /// The working memories that drafts go to, each with its state before the store is written to, if it is in memory.
    fn working_memories(&self, scope: &Scope, drafts: &[Draft]) -> HashMap<SessionKey, Option<u64>> {
        let contexts = drafts.iter().map(|draft| &draft.record.context);
        let immediate = contexts.filter(|context| context.level == Level::Immediate);
        let state = |context: &Context| {
            let key = SessionKey {
                tenant: scope.tenant().clone(),
                session: context.session_id.clone(),
            };
            let generation = self.l1.generation(&key);
            (key, generation)
        };
        immediate.map(state).collect()
    }

    /// Puts new immediate contexts into working memory and moves on what overflows. The write is durable already: a
    /// failure here costs a later read, not data.
    #[tracing::instrument(level = "debug", skip_all)]
    async fn remember(&self, scope: &Scope, records: &[Record], at_hand: HashMap<SessionKey, Option<u64>>) {
        let mut sessions: HashMap<&Option<String>, Vec<&Record>> = HashMap::new();
        for record in records.iter().filter(|record| record.context.level == Level::Immediate) {
            sessions.entry(&record.context.session_id).or_default().push(record);
        }
        let remember = |(key, generation): (SessionKey, Option<u64>)| {
            let new = sessions.get(&key.session).map_or(&[][..], Vec::as_slice);
            async move {
                if let Err(error) = self.remember_in(scope, &key, new, generation).await {
                    tracing::warn!(error = %error, "working memory was not read back, or is longer than it should be");
                }
            }
        };
        let calls: Vec<_> = at_hand.into_iter().map(remember).collect();
        stream::iter(calls)
            .for_each_concurrent(SESSIONS_AT_ONCE, |call| call)
            .await;
    }

    async fn remember_in(
        &self,
        scope: &Scope,
        key: &SessionKey,
        new: &[&Record],
        generation: Option<u64>,
    ) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        if self.store.is_shared() {
            let overflow = self.stored_overflow(scope, key).await?;
            return self.move_to_short_term(scope, overflow).await.map(drop);
        }
        if !generation.is_some_and(|generation| self.l1.push(key, new, generation)) {
            // Something was deleted or changed meanwhile, or the session is not in memory: it is read back whole, the new
            // ones included, which moves on the overflow too.
            self.l1.forget(key);
            return self.fill(scope, key).await.map(drop);
        }
        // They leave memory when the store has them at the other level: until then a search finds them here.
        for context in self.move_to_short_term(scope, self.l1.overflow(key)).await? {
            self.l1.changed(&key.tenant, &context, None);
        }
        Ok(())
    }
}

/// The same failure for each of `count` items.
pub(super) fn repeat_error<T>(error: &Error, count: usize) -> Vec<Result<T, Error>> {
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
