//! Changing and deleting what is stored.

use std::sync::Arc;

use super::ContextEngine;
use super::locks::Key;
use crate::context::{Context, ContextId, Patch};
use crate::ports::{Embedder, Record};
use crate::{Error, Filter, Scope};

impl ContextEngine {
    /// Changes a context; a new text gets new tokens, words and vector.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] (also when the result would be too large), [`Error::Embedding`] when what cannot
    /// be embedded is to be rejected, [`Error::Store`].
    pub async fn update(&self, scope: &Scope, id: ContextId, patch: Patch) -> Result<Context, Error> {
        patch.validate().into_result()?;
        // Before the locks, as everywhere; and held until a new vector is written.
        let model = self.model.read().await;
        let session = self.get(scope, id).await?.session_id;
        let _locks = self
            .locks
            .lock(scope.tenant(), [Key::Id(id), Key::Session(session.as_deref())])
            .await;
        // Read again: it may have changed while the locks were not held. Its session never changes.
        let mut context = self.get(scope, id).await?;
        let now = self.clock.now();
        let text_before = context.text.clone();
        patch.apply(&mut context, now, self.config.short_term_ttl_secs());
        Patch::validate_result(&context).into_result()?;
        let record = if context.text == text_before {
            self.store.update(scope, vec![context.clone()]).await?;
            None
        } else {
            let record = self.reworded(scope, &model, &mut context).await?;
            // Only where it still is: a deletion that was acknowledged meanwhile stands.
            if self
                .store
                .replace(scope, Vec::new(), vec![record.clone()])
                .await?
                .is_empty()
            {
                return Err(Error::NotFound(id));
            }
            if record.dense.is_none() {
                self.pending.arrived();
            }
            self.vocabularies.forget(scope.tenant());
            Some(record)
        };
        self.l1.changed(scope.tenant(), &context, record.as_ref());
        Ok(context)
    }

    /// The record of a context whose text is new.
    async fn reworded(&self, scope: &Scope, model: &Arc<dyn Embedder>, context: &mut Context) -> Result<Record, Error> {
        let texts = [context.text.clone()];
        let prepared = self.preparer.prepare(&texts).await.remove(0);
        let dense = self.embed(scope, model, &texts).await.remove(0)?;
        context.token_count = prepared.tokens;
        context.embedded = dense.is_some();
        let mut record = Record {
            context: context.clone(),
            dense,
            terms: prepared.terms,
        };
        self.name_similar(scope, std::iter::once(&mut record)).await;
        *context = record.context.clone();
        Ok(record)
    }

    /// Deletes everything that matches, whether still served or not, and returns exactly how many that were.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, Error> {
        let deleted = self.store.delete(scope, filter).await?;
        if deleted > 0 {
            self.vocabularies.forget(scope.tenant());
        }
        self.l1.deleted(scope.tenant(), filter);
        Ok(deleted)
    }
}
