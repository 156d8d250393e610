//! A store that fails where it is told to, and holds a call up where it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    Candidate, ListRequest, Record, SessionSummary, StoreError, StoreErrorKind, StoreQuery, VectorStore,
};
use context_manager_core::{Filter, Page, Scope, TenantId};
use context_manager_vector_store::MemoryStore;
use tokio::sync::Notify;

/// A store of which so many of the next deletions fail, or that takes so many writes and then none any more.
#[derive(Debug)]
pub(super) struct Faulty {
    store: Arc<dyn VectorStore>,
    failing: AtomicUsize,
    writes_left: AtomicUsize,
    is_searchable: AtomicBool,
    gate: Arc<Gate>,
}

impl Default for Faulty {
    fn default() -> Self {
        Self::over(Arc::new(MemoryStore::new(256)), Arc::default())
    }
}

impl Faulty {
    /// Another store, whose calls pass this gate.
    pub(super) fn over(store: Arc<dyn VectorStore>, gate: Arc<Gate>) -> Self {
        Self {
            store,
            failing: AtomicUsize::new(0),
            writes_left: AtomicUsize::new(usize::MAX),
            is_searchable: AtomicBool::new(true),
            gate,
        }
    }

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

    /// Refuses searches from now on.
    pub(super) fn fail_searches(&self) {
        self.is_searchable.store(false, Ordering::Relaxed);
    }

    fn write(&self, operation: &'static str) -> Result<(), StoreError> {
        count_down(&self.writes_left).ok_or_else(|| refused(operation))
    }
}

/// Holds one call up, lets all others through, and counts them.
#[derive(Debug)]
pub(super) struct Gate {
    calls: AtomicUsize,
    calls_left: AtomicUsize,
    running: AtomicUsize,
    reached: Notify,
    go_on: Notify,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            calls: AtomicUsize::new(0),
            calls_left: AtomicUsize::new(usize::MAX),
            running: AtomicUsize::new(0),
            reached: Notify::new(),
            go_on: Notify::new(),
        }
    }
}

impl Gate {
    /// Holds up the call that comes after so many others.
    pub(super) fn hold(&self, calls: usize) {
        self.calls_left.store(calls, Ordering::SeqCst);
    }

    /// Completes when that call has come.
    pub(super) async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it through.
    pub(super) fn release(&self) {
        self.go_on.notify_one();
    }

    /// Returns the number of running calls, without those that are held up.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }

    /// Returns the number of calls since the last time.
    pub(super) fn take_calls(&self) -> usize {
        self.calls.swap(0, Ordering::SeqCst)
    }

    /// To be held while a call runs.
    pub(super) async fn pass(&self) -> Running<'_> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if count_down(&self.calls_left).is_none() {
            self.calls_left.store(usize::MAX, Ordering::SeqCst);
            self.reached.notify_one();
            self.go_on.notified().await;
        }
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(&self.running)
    }
}

/// A call that runs.
pub(super) struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Takes one off; `None` when nothing is left.
fn count_down(left: &AtomicUsize) -> Option<()> {
    let take = |left: usize| left.checked_sub(1);
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
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
        let _call = self.gate.pass().await;
        self.store.upsert(scope, records).await
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        self.write("replace")?;
        let _call = self.gate.pass().await;
        self.store.replace(scope, new, changed).await
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        self.write("update")?;
        let _call = self.gate.pass().await;
        self.store.update(scope, contexts).await
    }

    async fn update_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Context)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        self.write("update_unchanged")?;
        let _call = self.gate.pass().await;
        self.store.update_unchanged(scope, changes).await
    }

    async fn replace_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Record)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        self.write("replace_unchanged")?;
        let _call = self.gate.pass().await;
        self.store.replace_unchanged(scope, changes).await
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        self.write("set_vectors")?;
        let _call = self.gate.pass().await;
        self.store.set_vectors(scope, embedded).await
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.get(scope, ids).await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.find_by_content(scope, keys).await
    }

    async fn at_offsets(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.at_offsets(scope, slots, filter).await
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.list(scope, request).await
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.tenants(filter).await
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let _call = self.gate.pass().await;
        self.store.count(scope, filter).await
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.write("delete")?;
        let _call = self.gate.pass().await;
        self.store.delete(scope, filter).await
    }

    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.write("discard")?;
        if count_down(&self.failing).is_some() {
            return Err(refused("discard"));
        }
        let _call = self.gate.pass().await;
        self.store.discard(scope, filter).await
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        let _call = self.gate.pass().await;
        if !self.is_searchable.load(Ordering::Relaxed) {
            return Err(refused("search"));
        }
        self.store.search(scope, query).await
    }

    async fn sample_terms(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<SparseVector>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.sample_terms(scope, filter, limit).await
    }

    async fn sessions(
        &self,
        scope: &Scope,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.sessions(scope, filter, after, limit).await
    }

    async fn count_scopes(&self, scope: &Scope, filter: &Filter) -> Result<Vec<(String, u64)>, StoreError> {
        let _call = self.gate.pass().await;
        self.store.count_scopes(scope, filter).await
    }

    async fn analyzer(&self) -> Result<Option<String>, StoreError> {
        self.store.analyzer().await
    }

    async fn set_analyzer(&self, fingerprint: &str) -> Result<(), StoreError> {
        self.store.set_analyzer(fingerprint).await
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        let _call = self.gate.pass().await;
        self.store.size_bytes().await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let _call = self.gate.pass().await;
        self.store.flush().await
    }
}
