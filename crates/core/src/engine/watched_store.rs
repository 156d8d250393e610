//! The store as the engine sees it: every write to it becomes events for those who follow the tenant, and is followed by the
//! cache of sessions.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::TryStreamExt;
use jiff::Timestamp;

use super::events::{EventKind, EventLog};
use super::working_memory::Coherence;
use crate::context::{ContentKey, Context, ContextId};
use crate::engine::listing::{contexts, pages};
use crate::lexical::SparseVector;
use crate::ports::{
    Candidate, ListRequest, MemoryUse, OffsetRange, Record, SessionSummary, StoreError, StoreQuery, VectorStore,
};
use crate::{Filter, Page, Scope, TenantId};

/// Number of contexts that are read at once to name those that a filter deletes.
const PAGE: usize = 1000;

/// A store whose writes are followed.
#[derive(Debug)]
pub(super) struct WatchedStore {
    store: Arc<dyn VectorStore>,
    events: Arc<EventLog>,
    sessions: Coherence,
}

impl WatchedStore {
    pub(super) fn new(store: Arc<dyn VectorStore>, events: Arc<EventLog>, sessions: Coherence) -> Self {
        Self {
            store,
            events,
            sessions,
        }
    }

    /// Returns copies of contexts that are about to be written; none if nobody follows the tenant.
    fn noted<'c>(&self, scope: &Scope, contexts: impl Iterator<Item = &'c Context>) -> Vec<Context> {
        if self.events.follows(scope.tenant()) {
            contexts.cloned().collect()
        } else {
            Vec::new()
        }
    }

    /// Returns the contexts that a filter is about to delete; none if nobody follows the tenant.
    async fn ending(&self, scope: &Scope, filter: &Filter) -> Result<Vec<Context>, StoreError> {
        if !self.events.follows(scope.tenant()) {
            return Ok(Vec::new());
        }
        let request = ListRequest {
            filter: filter.clone(),
            limit: PAGE,
            ..ListRequest::default()
        };
        Ok(contexts(pages(&*self.store, scope, request).try_concat().await?))
    }

    fn changed(&self, scope: &Scope, noted: &[Context], written: &[ContextId]) {
        let written: HashSet<&ContextId> = written.iter().collect();
        let changed = noted.iter().filter(|context| written.contains(&context.id));
        self.events.add(scope.tenant(), EventKind::Changed, changed);
    }
}

/// Returns `true` for a change that clients can see: access counts, vectors and terms leave the time of the change as it is.
fn is_visible(before: &Context, after: &Context) -> bool {
    before.updated_at != after.updated_at || before.text != after.text || before.level != after.level
}

#[async_trait]
impl VectorStore for WatchedStore {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        let noted = self.noted(scope, records.iter().map(|record| &record.context));
        let following = self.sessions.upsert(scope, &records).await?;
        let result = self.store.upsert(scope, records).await;
        following.end(&result).await;
        result?;
        self.events.add(scope.tenant(), EventKind::Stored, &noted);
        Ok(())
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let stored = self.noted(scope, new.iter().map(|record| &record.context));
        let noted = self.noted(scope, changed.iter().map(|record| &record.context));
        let following = self.sessions.replace(scope, &new, &changed).await?;
        let result = self.store.replace(scope, new, changed).await;
        following.end_with(&result).await;
        let written = result?;
        self.events.add(scope.tenant(), EventKind::Stored, &stored);
        self.changed(scope, &noted, &written);
        Ok(written)
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        // Only what the store keeps beside a context changes in this way.
        let following = self.sessions.update(scope, &contexts).await?;
        let result = self.store.update(scope, contexts).await;
        following.end(&result).await;
        result
    }

    async fn update_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Context)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let visible = changes.iter().filter(|(before, after)| is_visible(before, after));
        let noted = self.noted(scope, visible.map(|(_, after)| after));
        let following = self.sessions.update_unchanged(scope, &changes).await?;
        let result = self.store.update_unchanged(scope, changes).await;
        following.end_with(&result).await;
        let written = result?;
        self.changed(scope, &noted, &written);
        Ok(written)
    }

    async fn replace_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Record)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let visible = changes
            .iter()
            .filter(|(before, after)| is_visible(before, &after.context));
        let noted = self.noted(scope, visible.map(|(_, after)| &after.context));
        let following = self.sessions.replace_unchanged(scope, &changes).await?;
        let result = self.store.replace_unchanged(scope, changes).await;
        following.end_with(&result).await;
        let written = result?;
        self.changed(scope, &noted, &written);
        Ok(written)
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        let following = self.sessions.set_vectors(scope, &embedded).await?;
        let result = self.store.set_vectors(scope, embedded).await;
        following.end(&result).await;
        result
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        self.store.get(scope, ids).await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        self.store.find_by_content(scope, keys).await
    }

    async fn at_offsets(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        self.store.at_offsets(scope, slots, filter).await
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
        let ending = self.ending(scope, filter).await?;
        let following = self.sessions.delete(&*self.store, scope, filter).await?;
        let result = self.store.delete(scope, filter).await;
        following.end(&result).await;
        let deleted = result?;
        self.events.add(scope.tenant(), EventKind::Deleted, &ending);
        Ok(deleted)
    }

    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let ending = self.ending(scope, filter).await?;
        let following = self.sessions.delete(&*self.store, scope, filter).await?;
        let result = self.store.discard(scope, filter).await;
        following.end(&result).await;
        let discarded = result?;
        self.events.add(scope.tenant(), EventKind::Expired, &ending);
        Ok(discarded)
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
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError> {
        self.store.sessions(scope, filter, after, limit).await
    }

    async fn count_scopes(&self, scope: &Scope, filter: &Filter) -> Result<Vec<(String, u64)>, StoreError> {
        self.store.count_scopes(scope, filter).await
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    async fn take_offsets(
        &self,
        scope: &Scope,
        wanted: &[OffsetRange],
        now: Timestamp,
    ) -> Result<Vec<Option<u32>>, StoreError> {
        self.store.take_offsets(scope, wanted, now).await
    }

    async fn count_accesses(
        &self,
        scope: &Scope,
        served: &[(ContextId, u64)],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.count_accesses(scope, served, now).await
    }

    async fn analyzer(&self) -> Result<Option<String>, StoreError> {
        self.store.analyzer().await
    }

    async fn set_analyzer(&self, fingerprint: &str) -> Result<(), StoreError> {
        self.store.set_analyzer(fingerprint).await
    }

    async fn troubles(&self) -> Vec<String> {
        self.store.troubles().await
    }

    async fn memory(&self) -> Option<MemoryUse> {
        self.store.memory().await
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        self.store.size_bytes().await
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.store.flush().await
    }
}
