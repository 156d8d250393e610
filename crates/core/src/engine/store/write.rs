//! The write path: existing contexts are looked up and new ones written under the locks of their keys.

use std::collections::HashMap;

use jiff::Timestamp;

use super::pending_write::PendingWrite;
use super::plan::{Existing, Outcome, Plan, Stored};
use crate::context::{Context, ContextId, Superseded, after, to_millis};
use crate::engine::contexts::Contexts;
use crate::engine::listing::records;
use crate::engine::locks::Key;
use crate::ports::{Record, StoreError};
use crate::{Error, Name, Scope};

/// Maximum length of a chain of replacements that is followed to find a circle.
const MAX_REPLACEMENTS: usize = 1000;

/// Writer of prepared contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) contexts: Contexts<'a>,
    pub(crate) short_term_ttl_secs: Option<u64>,
    pub(crate) superseded_ttl_secs: u64,
}

impl Writer<'_> {
    /// Writes contexts in one step. `unresolved` holds replacements of contexts that were not stored yet.
    #[tracing::instrument(level = "debug", skip_all, fields(contexts = writes.len()))]
    pub(super) async fn write(
        &self,
        scope: &Scope,
        writes: Vec<PendingWrite>,
        unresolved: &mut HashMap<ContextId, ContextId>,
    ) -> Result<Vec<Result<Stored, Error>>, StoreError> {
        let superseded = self.names_of_superseded(scope, &writes).await?;
        let keys = writes.iter().flat_map(PendingWrite::keys);
        let keys: Vec<Key<'_>> = keys.chain(superseded.iter().map(Key::Name)).collect();
        let _locks = self.contexts.locks.lock(scope.tenant(), keys).await;
        let existing = Existing::look_up(self.contexts.store, scope, &writes, self.contexts.now()).await?;
        let mut plan = Plan::new(existing, std::mem::take(unresolved));
        let outcomes: Vec<Outcome> = writes.into_iter().map(|write| plan.admit(write)).collect();
        let now = self.contexts.now();
        let mut changed = self.current_again(scope, &plan, now).await?;
        let Plan {
            new: mut records,
            mut replaced,
            replacing,
            ..
        } = plan;
        let mut contexts: Vec<Context> = records.iter().map(|record| record.context.clone()).collect();
        self.contexts.memory.offsets.assign(scope, &mut contexts).await?;
        self.contexts.sequences.seed(scope).await?;
        for (record, mut context) in records.iter_mut().zip(contexts) {
            context.sequence = self.contexts.sequences.next(now);
            if let Some(by) = replaced.remove(&context.id) {
                self.supersede(&mut context, by, now);
            }
            record.context = context;
        }
        changed.extend(self.take_replaced(scope, &mut replaced, now).await?);
        *unresolved = replaced;
        // The store has each id once: what is superseded in the same batch that gives it a new version stays current.
        changed.retain(|record| !replacing.contains_key(&record.context.id));
        let versions: Vec<Record> = replacing.into_values().collect();
        changed.extend(versions.iter().cloned());
        if !records.is_empty() || !changed.is_empty() {
            // In one step: no reader sees a context beside its replacement, or neither of them.
            self.contexts
                .store
                .replace(scope, records.clone(), changed.clone())
                .await?;
        }
        self.contexts.vocabularies.stored(scope.tenant(), &records).await;
        self.contexts.announce(scope, records.iter().chain(&versions));
        if !versions.is_empty() {
            self.contexts.vocabularies.forget(scope.tenant());
        }
        self.contexts.memory.trim(scope, &records).await;
        let written = records.into_iter().chain(changed);
        let written: HashMap<ContextId, Context> = written.map(|record| (record.context.id, record.context)).collect();
        let results = outcomes.into_iter().map(|outcome| outcome.into_result(&written));
        Ok(results.collect())
    }

    /// Returns the names of the contexts that are about to be superseded: a write under one of them locks no id.
    async fn names_of_superseded(&self, scope: &Scope, writes: &[PendingWrite]) -> Result<Vec<Name>, StoreError> {
        let ids: Vec<ContextId> = writes
            .iter()
            .flat_map(|write| write.supersedes.iter().copied())
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let superseded = self.contexts.store.get(scope, &ids).await?;
        Ok(superseded.iter().filter_map(Name::of).collect())
    }

    /// Returns the stored contexts that are replaced, as superseded, and removes them from `replaced`.
    async fn take_replaced(
        &self,
        scope: &Scope,
        replaced: &mut HashMap<ContextId, ContextId>,
        now: Timestamp,
    ) -> Result<Vec<Record>, StoreError> {
        if replaced.is_empty() {
            return Ok(Vec::new());
        }
        let mut old = records(self.contexts.store, scope, replaced.keys().copied().collect()).await?;
        old.retain_mut(|record| {
            let by = replaced.remove(&record.context.id);
            // A context that was replaced before stays as it is.
            let by = by.filter(|_| record.context.superseded_by.is_none());
            if let Some(by) = by {
                self.supersede(&mut record.context, by, now);
            }
            by.is_some()
        });
        Ok(old)
    }

    /// Returns contexts that become current again, because they now replace their own replacements: one context of a circle
    /// stays current.
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
                let stored = self.contexts.store.get(scope, &[id]).await?.pop();
                let superseded = stored.and_then(|stored| stored.superseded_by);
                at = superseded.map(|superseded| superseded.by);
                steps += 1;
            }
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut current = records(self.contexts.store, scope, ids).await?;
        for record in &mut current {
            record.context.superseded_by = None;
            record.context.renew_expiry(now, self.short_term_ttl_secs);
            record.context.updated_at = to_millis(now);
        }
        Ok(current)
    }

    /// Marks a context as superseded, which limits its life to `gc.superseded_ttl_secs`.
    fn supersede(&self, context: &mut Context, by: ContextId, now: Timestamp) {
        context.superseded_by = Some(Superseded { by, at: to_millis(now) });
        context.updated_at = to_millis(now);
        if self.superseded_ttl_secs > 0 && !context.pinned {
            let end = after(now, self.superseded_ttl_secs);
            context.expires_at = Some(context.expires_at.map_or(end, |expires_at| expires_at.min(end)));
        }
    }
}
