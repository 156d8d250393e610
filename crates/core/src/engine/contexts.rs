//! The stored contexts, with the locks and the model that guard them, and the state of this process that follows them.

use std::sync::Arc;

use jiff::Timestamp;

use super::backlog::Backlog;
use super::locks::KeyedLocks;
use super::model_in_use::Models;
use super::sequences::Sequences;
use super::vocabulary::Vocabularies;
use super::working_memory::WorkingMemory;
use crate::context::{Context, ContextId};
use crate::ports::{Clock, ListRequest, Record, StoreError, VectorStore};
use crate::{Error, Filter, Scope};

/// Access to stored contexts. A write must keep vocabularies up to date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contexts<'a> {
    pub(super) store: &'a dyn VectorStore,
    pub(super) clock: &'a dyn Clock,
    pub(super) locks: &'a KeyedLocks,
    pub(super) models: &'a Models,
    pub(super) backlog: &'a Backlog,
    pub(super) memory: &'a WorkingMemory,
    pub(super) sequences: &'a Sequences,
    pub(super) vocabularies: &'a Vocabularies,
}

impl Contexts<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns a context that has not expired.
    pub(super) async fn get(&self, scope: &Scope, id: ContextId) -> Result<Context, Error> {
        let found = self.store.get(scope, &[id]).await?.pop();
        let now = self.now();
        found.filter(|context| context.is_live(now)).ok_or(Error::NotFound(id))
    }

    /// Follows records that were written: those without a vector are announced.
    pub(super) fn announce<'r>(&self, scope: &Scope, records: impl IntoIterator<Item = &'r Record>) {
        let pending = records.into_iter().filter(|record| record.dense.is_none());
        let ids = pending.map(|record| record.context.id);
        self.backlog.announce(scope.tenant(), ids, self.now());
    }

    /// Returns up to `limit` of the newest matching contexts that have no vector yet, with their terms. Does not ask the store
    /// unless some of the tenant may be pending.
    pub(super) async fn newest_pending(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        if limit == 0 || !self.backlog.may_wait(scope.tenant()) {
            return Ok(Vec::new());
        }
        let request = ListRequest {
            filter: Filter {
                embedded: Some(false),
                ..filter.clone()
            },
            limit,
            with_vectors: true,
            ..ListRequest::default()
        };
        let page = self.store.list(scope, request).await?;
        Ok(page.items.into_iter().take(limit).map(Arc::new).collect())
    }
}
