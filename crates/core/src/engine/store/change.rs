//! Changing and deleting stored contexts.

use std::sync::Arc;

use super::duplicates::Duplicates;
use crate::context::{Context, ContextId, Patch};
use crate::engine::listing::get;
use crate::engine::locks::KeyedLocks;
use crate::engine::models::{ModelGuard, Models};
use crate::engine::prepare::Preparer;
use crate::engine::vocabulary::Vocabularies;
use crate::engine::working_memory::WorkingMemory;
use crate::ports::{Clock, Record, StoreError, StoreErrorKind, VectorStore};
use crate::{Error, Filter, Scope};

/// Number of times that a change is applied to what other processes write meanwhile.
const ATTEMPTS: usize = 5;

/// Changes to stored contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changer<'a> {
    pub(crate) store: &'a dyn VectorStore,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) locks: &'a KeyedLocks,
    pub(crate) memory: &'a WorkingMemory,
    pub(crate) models: &'a Models,
    pub(crate) text: &'a Arc<Preparer>,
    pub(crate) vocabularies: &'a Vocabularies,
    pub(crate) duplicates: Duplicates<'a>,
    pub(crate) short_term_ttl_secs: Option<u64>,
}

impl Changer<'_> {
    /// Applies a patch to a context as it is stored at that moment. Locks exclude the other calls of this process; a write
    /// of another process makes the store refuse the change, which is applied again to what is stored then.
    pub(crate) async fn update(&self, scope: &Scope, id: ContextId, patch: Patch) -> Result<Context, Error> {
        patch.validate().into_result()?;
        let model = self.models.in_use().await;
        // Its session never changes.
        let found = get(self.store, scope, id, self.clock.now()).await?;
        let _locks = self.locks.lock_contexts(scope.tenant(), &[found]).await;
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let read = get(self.store, scope, id, now).await?;
            let mut context = read.clone();
            patch.apply(&mut context, now, self.short_term_ttl_secs);
            Patch::validate_result(&context).into_result()?;
            let (written, record) = if context.text == read.text {
                let change = vec![(read, context.clone())];
                (self.store.update_unchanged(scope, change).await?, None)
            } else {
                let record = self.reworded(scope, &model, context).await?;
                context = record.context.clone();
                let change = vec![(read, record.clone())];
                (self.store.replace_unchanged(scope, change).await?, Some(record))
            };
            if written.is_empty() {
                continue;
            }
            if let Some(record) = &record {
                if record.dense.is_none() {
                    self.models.announce_pending();
                }
                self.vocabularies.forget(scope.tenant());
            }
            self.memory.changed(scope, &context, record.as_ref());
            return Ok(context);
        }
        Err(Error::Store(StoreError {
            operation: "update",
            kind: StoreErrorKind::Unavailable(None),
            source: Some("other processes changed the context at every attempt".into()),
        }))
    }

    /// Returns the record of a context whose text is new.
    async fn reworded(&self, scope: &Scope, model: &ModelGuard<'_>, context: Context) -> Result<Record, Error> {
        let texts = [context.text.clone()];
        let prepared = self.text.prepare(&texts).await.remove(0);
        let dense = self.models.embed(scope, model, &texts).await.remove(0)?;
        let mut record = Record {
            context: Context {
                token_count: prepared.tokens,
                embedded: dense.is_some(),
                ..context
            },
            dense,
            terms: prepared.terms,
        };
        self.duplicates.name_similar(scope, std::iter::once(&mut record)).await;
        Ok(record)
    }

    /// Deletes everything that matches, visible or not, and returns the exact number.
    pub(crate) async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let deleted = self.store.delete(scope, filter).await?;
        if deleted > 0 {
            self.vocabularies.forget(scope.tenant());
        }
        self.memory.deleted(scope, filter);
        Ok(deleted)
    }
}
