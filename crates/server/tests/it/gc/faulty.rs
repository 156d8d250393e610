//! The store in memory, failing where it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    Candidate, ListRequest, Record, SessionSummary, StoreError, StoreErrorKind, StoreQuery, VectorStore,
};
use context_manager_core::{Filter, Page, Scope, TenantId};
use context_manager_vector_store::MemoryStore;
use jiff::Timestamp;
use uuid::Uuid;

/// A store of which so many of the next deletions fail, or that takes so many writes and then none any more.
#[derive(Debug)]
pub(super) struct Faulty {
    store: MemoryStore,
    failing: AtomicUsize,
    writes_left: AtomicUsize,
}

impl Default for Faulty {
    fn default() -> Self {
        Self {
            store: MemoryStore::new(256),
            failing: AtomicUsize::new(0),
            writes_left: AtomicUsize::new(usize::MAX),
        }
    }
}

impl Faulty {
    /// Lets the next `count` deletions fail.
    pub(super) fn fail_deletions(&self, count: usize) {
        self.failing.store(count, Ordering::Relaxed);
    }

    /// Takes `count` more writes and refuses all that come after them, as if the process had ended there.
    pub(super) fn end_after(&self, count: usize) {
        self.writes_left.store(count, Ordering::Relaxed);
    }

    /// Takes any number of writes again.
    pub(super) fn mend(&self) {
        self.end_after(usize::MAX);
    }

    fn write(&self, operation: &'static str) -> Result<(), StoreError> {
        count_down(&self.writes_left).ok_or_else(|| refused(operation))
    }
}

/// Takes one off; `None` when nothing is left.
fn count_down(left: &AtomicUsize) -> Option<()> {
    let take = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .ok()
        .map(drop)
}

fn refused(operation: &'static str) -> StoreError {
    StoreError {
        operation,
        kind: StoreErrorKind::Unavailable(None),
        source: None,
    }
}

#[async_trait]
impl VectorStore for Faulty {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        self.write("upsert")?;
        self.store.upsert(scope, records).await
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        self.write("update")?;
        self.store.update(scope, contexts).await
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        self.write("set_vectors")?;
        self.store.set_vectors(scope, embedded).await
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        self.store.get(scope, ids).await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        self.store.find_by_content(scope, keys).await
    }

    async fn at_slots(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        self.store.at_slots(scope, slots, filter).await
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        self.store.list(scope, request).await
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        self.store.tenants(filter).await
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.store.count(scope, filter).await
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.write("delete")?;
        self.store.delete(scope, filter).await
    }

    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.write("discard")?;
        if count_down(&self.failing).is_some() {
            return Err(refused("discard"));
        }
        self.store.discard(scope, filter).await
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        self.store.search(scope, query).await
    }

    async fn sample_terms(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<SparseVector>, StoreError> {
        self.store.sample_terms(scope, filter, limit).await
    }

    async fn sessions(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError> {
        self.store.sessions(scope, after, limit).await
    }

    async fn lease(
        &self,
        what: &'static str,
        holder: Uuid,
        now: Timestamp,
        time: Duration,
    ) -> Result<bool, StoreError> {
        self.store.lease(what, holder, now, time).await
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        self.store.size_bytes().await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.store.flush().await
    }
}
