//! Storing contexts: validate, embed, recognise duplicates, write durably, then add to working memory.

mod change;
mod duplicates;
mod find;
mod named;
mod pending_write;
mod plan;
mod write;

use std::collections::HashMap;
use std::sync::Arc;

use super::contexts::Contexts;
use super::model_in_use::ModelGuard;
use super::prepare::Preparer;
use crate::context::{Context, ContextId, NewContext};
use crate::lifecycle::Dedup;
use crate::ports::{StoreError, StoreErrorKind};
use crate::{Error, Scope};

pub(super) use change::Changer;
pub(super) use find::find;
pub(super) use pending_write::same_content;
pub(super) use write::Writer;

pub use plan::Stored;

use duplicates::{name_similar, vectors};
use pending_write::{IfTaken, PendingWrite};

/// Maximum number of contexts that are written in one step and locked together.
const WRITTEN_AT_ONCE: usize = 64;

/// Storing of new contexts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Storing<'a> {
    pub(super) contexts: Contexts<'a>,
    pub(super) text: &'a Arc<Preparer>,
    pub(super) dedup: &'a Dedup,
    pub(super) writer: Writer<'a>,
}

impl Storing<'_> {
    /// Stores contexts; each has its own result, in the order given. `pointer` is the JSON pointer of the context at an
    /// index.
    pub(super) async fn store_many(
        &self,
        scope: &Scope,
        new: Vec<NewContext>,
        pointer: impl Fn(usize) -> String,
    ) -> Vec<Result<Stored, Error>> {
        let invalid = new
            .iter()
            .enumerate()
            .map(|(at, new)| new.validate(&pointer(at)).into_result());
        let checked: Vec<Result<(), Error>> = invalid.map(|found| found.map_err(Error::from)).collect();
        let valid = new.into_iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
        let mut stored = self
            .store_valid(scope, valid.map(|(new, _)| new).collect())
            .await
            .into_iter();
        let results = checked.into_iter().map(|checked| match checked {
            Ok(()) => stored.next(),
            Err(error) => Some(Err(error)),
        });
        // Every valid context has a result.
        results.flatten().collect()
    }

    #[tracing::instrument(level = "debug", name = "store", skip_all, fields(contexts = new.len()))]
    async fn store_valid(&self, scope: &Scope, new: Vec<NewContext>) -> Vec<Result<Stored, Error>> {
        let model = self.contexts.models.in_use().await;
        let mut writes = Vec::with_capacity(new.len());
        let prepared = self.prepare(scope, &model, new).await.into_iter();
        let rejected: Vec<Option<Error>> = prepared
            .map(|write| write.map(|write| writes.push(write)).err())
            .collect();
        let records = writes.iter_mut().map(|write| &mut write.record);
        name_similar(self.contexts, self.dedup, scope, records).await;
        let mut written = self.write_all(scope, writes).await.into_iter();
        let results = rejected
            .into_iter()
            .map(|rejected| rejected.map_or_else(|| written.next(), |error| Some(Err(error))));
        results.flatten().collect()
    }

    /// Indexes and embeds contexts.
    async fn prepare(
        &self,
        scope: &Scope,
        model: &ModelGuard<'_>,
        new: Vec<NewContext>,
    ) -> Vec<Result<PendingWrite, Error>> {
        let texts: Vec<String> = new.iter().map(|new| new.text.trim().to_owned()).collect();
        let given = new.iter().map(|new| new.language.clone());
        let prepared = self.text.prepare(&texts, given.collect()).await;
        let vectors = vectors(self.contexts, self.dedup, scope, model, &texts).await;
        let (now, ttl_secs) = (self.contexts.now(), self.writer.short_term_ttl_secs);
        let new = new.into_iter().zip(prepared).zip(vectors);
        new.map(|((new, prepared), dense)| Ok(PendingWrite::new(new, prepared, dense?, now, ttl_secs)))
            .collect()
    }

    /// Writes part by part, so that other calls get the locks in between.
    async fn write_all(&self, scope: &Scope, mut writes: Vec<PendingWrite>) -> Vec<Result<Stored, Error>> {
        let mut results = Vec::with_capacity(writes.len());
        // Replacements of contexts that a later part may store.
        let mut unresolved = HashMap::new();
        while !writes.is_empty() {
            let rest = writes.split_off(writes.len().min(WRITTEN_AT_ONCE));
            let count = writes.len();
            match self.writer.write(scope, writes, &mut unresolved).await {
                Ok(written) => results.extend(written),
                Err(error) => results.extend(repeat_error(&error.into(), count)),
            }
            writes = rest;
        }
        results
    }

    /// Stores a context under a name that no other has.
    pub(super) async fn create(&self, scope: &Scope, new: NewContext) -> Result<Context, Error> {
        new.validate("").into_result()?;
        let model = self.contexts.models.in_use().await;
        let mut write = self.prepare(scope, &model, vec![new]).await.remove(0)?;
        write.if_taken = IfTaken::Refuse;
        name_similar(self.contexts, self.dedup, scope, std::iter::once(&mut write.record)).await;
        let mut written = self.writer.write(scope, vec![write], &mut HashMap::new()).await?;
        Ok(written.remove(0)?.context)
    }

    /// Stores a summary of other contexts.
    pub(super) async fn store_summary(
        &self,
        scope: &Scope,
        new: NewContext,
        sources: Vec<ContextId>,
    ) -> Result<(), Error> {
        new.validate("").into_result()?;
        let model = self.contexts.models.in_use().await;
        let mut write = self.prepare(scope, &model, vec![new]).await.remove(0)?;
        write.record.context.derived_from = sources;
        let mut written = self.writer.write(scope, vec![write], &mut HashMap::new()).await?;
        written.remove(0).map(drop)
    }
}

/// Returns the same failure for each of `count` items.
pub(super) fn repeat_error<T>(error: &Error, count: usize) -> Vec<Result<T, Error>> {
    let (operation, kind) = match error {
        Error::Store(error) => (error.operation, error.kind),
        Error::Invalid(_)
        | Error::NotFound(_)
        | Error::Conflict(_)
        | Error::NothingToUndo(_)
        | Error::Embedding(_)
        | Error::DeadlineExceeded => ("write", StoreErrorKind::Internal),
    };
    tracing::error!(error = %error, source = ?std::error::Error::source(error), items = count, "contexts were not stored");
    let repeat = || StoreError {
        operation,
        kind,
        source: None,
    };
    (0..count).map(|_| Err(Error::Store(repeat()))).collect()
}
