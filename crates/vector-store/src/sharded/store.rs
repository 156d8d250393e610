//! The sharded store as the domain sees it: a call in a scope goes to the tenant's shard, every other one to all.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    Candidate, ListRequest, Record, SessionSummary, StoreError, StoreQuery, VectorStore,
};
use context_manager_core::{Filter, Page, Scope, TenantId};
use futures::future::try_join_all;

use super::ShardedStore;

#[async_trait]
impl VectorStore for ShardedStore {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        self.of(scope.tenant()).upsert(scope, records).await
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        self.of(scope.tenant()).replace(scope, new, changed).await
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        self.of(scope.tenant()).update(scope, contexts).await
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        self.of(scope.tenant()).set_vectors(scope, embedded).await
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        self.of(scope.tenant()).get(scope, ids).await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        self.of(scope.tenant()).find_by_content(scope, keys).await
    }

    async fn at_slots(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        self.of(scope.tenant()).at_slots(scope, slots, filter).await
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        self.of(scope.tenant()).list(scope, request).await
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        let tenants = try_join_all(self.shards.iter().map(|shard| shard.tenants(filter))).await?;
        Ok(tenants.into_iter().flatten().collect())
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.of(scope.tenant()).count(scope, filter).await
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.of(scope.tenant()).delete(scope, filter).await
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        self.of(scope.tenant()).search(scope, query).await
    }

    async fn sample_terms(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<SparseVector>, StoreError> {
        self.of(scope.tenant()).sample_terms(scope, filter, limit).await
    }

    async fn sessions(
        &self,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError> {
        self.of(scope.tenant()).sessions(scope, after, limit).await
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        let sizes = try_join_all(self.shards.iter().map(VectorStore::size_bytes)).await?;
        Ok(sizes.into_iter().sum())
    }

    async fn flush(&self) -> Result<(), StoreError> {
        try_join_all(self.shards.iter().map(VectorStore::flush)).await?;
        Ok(())
    }
}
