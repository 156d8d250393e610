//! Changing and deleting stored contexts.

use std::sync::Arc;

use super::duplicates::{name_similar, vectors};
use super::find::find;
use crate::context::{Change, Context, ContextId, Patch, Violations, to_millis};
use crate::engine::contexts::Contexts;
use crate::engine::model_in_use::ModelGuard;
use crate::engine::prepare::Preparer;
use crate::lifecycle::Dedup;
use crate::ports::{Record, StoreError, StoreErrorKind};
use crate::{Error, Filter, Name, Scope};

/// Number of times that a change is applied to what other processes write meanwhile.
pub(super) const ATTEMPTS: usize = 5;

/// Changes to stored contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changer<'a> {
    pub(crate) contexts: Contexts<'a>,
    pub(crate) text: &'a Arc<Preparer>,
    pub(crate) dedup: &'a Dedup,
    pub(crate) short_term_ttl_secs: Option<u64>,
}

impl Changer<'_> {
    /// Applies a patch to a context.
    pub(crate) async fn update(&self, scope: &Scope, id: ContextId, patch: Patch) -> Result<Context, Error> {
        self.patch(scope, id, patch, |_| true).await
    }

    /// Applies a patch to a context that still says what was read; refuses it with [`Error::Conflict`] otherwise.
    pub(crate) async fn update_read(&self, scope: &Scope, read: &Context, patch: Patch) -> Result<Context, Error> {
        self.patch(scope, read.id, patch, |context| is_same_version(context, read))
            .await
    }

    async fn patch(
        &self,
        scope: &Scope,
        id: ContextId,
        patch: Patch,
        is_expected: impl Fn(&Context) -> bool,
    ) -> Result<Context, Error> {
        patch.validate().into_result()?;
        let (now, ttl_secs) = (self.contexts.now(), self.short_term_ttl_secs);
        self.change(scope, id, |context| {
            if !is_expected(context) {
                return Err(Error::Conflict(id));
            }
            if patch.text.is_some() {
                has_own_text(context)?;
            }
            if patch.changes(context) {
                context.begin_version(now, patch.by.clone(), Change::Changed);
            }
            patch.apply(context, now, ttl_secs);
            Ok(Patch::validate_result(context).into_result()?)
        })
        .await
    }

    /// Takes the last change of a context back: the version before becomes current again, or a context that was superseded.
    pub(crate) async fn undo(&self, scope: &Scope, id: ContextId) -> Result<Context, Error> {
        let (now, ttl_secs) = (self.contexts.now(), self.short_term_ttl_secs);
        self.change(scope, id, |context| {
            if context.superseded_by.take().is_some() {
                context.renew_expiry(now, ttl_secs);
                context.updated_at = to_millis(now);
                return Ok(());
            }
            if context.undo(now, ttl_secs) {
                Ok(())
            } else {
                Err(Error::NothingToUndo(id))
            }
        })
        .await
    }

    /// Changes a context as it is stored at that moment. Locks exclude the other calls of this process; a write of another
    /// process makes the store refuse the change, which is applied again to what is stored then.
    async fn change(
        &self,
        scope: &Scope,
        id: ContextId,
        apply: impl Fn(&mut Context) -> Result<(), Error>,
    ) -> Result<Context, Error> {
        let model = self.contexts.models.in_use().await;
        // Its session never changes.
        let found = self.contexts.get(scope, id).await?;
        let _locks = self.contexts.locks.lock_contexts(scope.tenant(), &[found]).await;
        for _ in 0..ATTEMPTS {
            let read = self.contexts.get(scope, id).await?;
            let mut context = read.clone();
            apply(&mut context)?;
            self.keep_name_unique(scope, &read, &context).await?;
            let is_same = context.text == read.text && context.given_language() == read.given_language();
            let (written, record) = if is_same {
                let change = vec![(read, context.clone())];
                (self.contexts.store.update_unchanged(scope, change).await?, None)
            } else {
                let record = self.reworded(scope, &model, context).await?;
                context = record.context.clone();
                let change = vec![(read, record.clone())];
                (
                    self.contexts.store.replace_unchanged(scope, change).await?,
                    Some(record),
                )
            };
            if written.is_empty() {
                continue;
            }
            if record.is_some() {
                self.contexts.vocabularies.forget(scope.tenant());
            }
            self.contexts.announce(scope, &record);
            return Ok(context);
        }
        Err(contended())
    }

    /// Refuses to make a superseded context current whose name another one of its user has by now.
    async fn keep_name_unique(&self, scope: &Scope, before: &Context, after: &Context) -> Result<(), Error> {
        let becomes_current = before.superseded_by.is_some() && after.superseded_by.is_none();
        let Some(name) = Name::of(after).filter(|_| becomes_current) else {
            return Ok(());
        };
        match find(self.contexts, scope, &name, after.user_id.as_deref()).await? {
            Some(other) => Err(Error::Conflict(other.id)),
            None => Ok(()),
        }
    }

    /// Returns the record of a context whose text or language is new.
    async fn reworded(&self, scope: &Scope, model: &ModelGuard<'_>, context: Context) -> Result<Record, Error> {
        let texts = [context.text.clone()];
        let given = context.given_language().map(str::to_owned);
        let prepared = self.text.prepare(&texts, vec![given]).await.remove(0);
        let dense = vectors(self.contexts, self.dedup, scope, model, &texts)
            .await
            .remove(0)?;
        let mut record = Record {
            context: Context {
                token_count: prepared.tokens,
                language: prepared.language,
                embedded: dense.is_some(),
                ..context
            },
            dense,
            terms: prepared.terms,
        };
        name_similar(self.contexts, self.dedup, scope, std::iter::once(&mut record)).await;
        Ok(record)
    }

    /// Deletes everything that matches, visible or not, and returns the exact number.
    pub(crate) async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let deleted = self.contexts.store.delete(scope, filter).await?;
        if deleted > 0 {
            self.contexts.vocabularies.forget(scope.tenant());
        }
        Ok(deleted)
    }
}

/// Failure of a change that other processes forestalled.
pub(super) fn contended() -> Error {
    Error::Store(StoreError {
        operation: "update",
        kind: StoreErrorKind::Unavailable(None),
        source: Some("other processes changed the context at every attempt".into()),
    })
}

/// Compares versions. The text counts too: a version that was undone leaves its number to the next one.
fn is_same_version(one: &Context, other: &Context) -> bool {
    (&one.key, one.revision.version, &one.text, one.superseded_by)
        == (&other.key, other.revision.version, &other.text, other.superseded_by)
        && one.metadata == other.metadata
}

/// Refuses a new text for what was made from something else, which it would contradict.
fn has_own_text(context: &Context) -> Result<(), Error> {
    let source = if context.message.is_some() {
        "a message"
    } else if context.part.is_some() {
        "a document"
    } else {
        return Ok(());
    };
    let mut found = Violations::default();
    found.invalid(
        "/text",
        format!("cannot change: the context was made from {source}, which would have to change"),
    );
    Ok(found.into_result()?)
}
