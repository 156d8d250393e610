//! The port [`VectorStore`] on a Qdrant server, call by call.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    Candidate, Leases, ListRequest, OffsetRange, Record, SessionSummary, StoreError, StoreQuery, VectorStore,
};
use context_manager_core::{Filter, Page, Scope, TenantId};
use futures::TryFutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use qdrant_client::qdrant::PointStruct;
use uuid::Uuid;

use super::failure::Failure;
use super::filter::point_id;
use super::unchanged::{self, Change, New};
use super::{QdrantStore, analyzer, lease, offsets, points, reads, search, sessions, writes};
use crate::metrics::observed;
use crate::payload::{PointIds, key};
use crate::{conditions, validate};

/// Number of session counters that are requested at once.
const COUNTERS_AT_ONCE: usize = 16;

/// Runs an operation and records its duration and outcome.
fn call<T>(
    operation: &'static str,
    work: impl Future<Output = Result<T, Failure>>,
) -> impl Future<Output = Result<T, StoreError>> {
    observed(
        operation,
        work.map_err(move |failure| failure.into_store_error(operation)),
    )
}

#[async_trait]
impl VectorStore for QdrantStore {
    fn name(&self) -> &'static str {
        "qdrant"
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        call("upsert", async {
            let points = self.points("upsert", scope, records)?;
            writes::upsert(&self.client, points).await
        })
        .await
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        call("replace", async {
            let new = self.points("replace", scope, new)?;
            let ids: Vec<_> = changed.iter().map(|record| record.context.id).collect();
            let changed = self.points("replace", scope, changed)?;
            let named: Vec<_> = ids.into_iter().zip(changed.iter().map(|(point, _)| *point)).collect();
            let mut found = writes::replace(&self.client, new, changed).await?;
            let existed = named.into_iter().filter(|(_, point)| found.remove(&point_id(*point)));
            Ok(existed.map(|(id, _)| id).collect())
        })
        .await
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        call("update", async {
            validate::contexts("update", &contexts)?;
            let ids = PointIds::of(scope.tenant());
            let payload = |context: Context| Ok((ids.point(context.id), points::encode_payload(scope, context)?));
            let payloads = contexts.into_iter().map(payload).collect::<Result<_, Failure>>()?;
            writes::update(&self.client, scope.tenant(), payloads).await
        })
        .await
    }

    async fn update_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Context)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        call("update_unchanged", async {
            let ids = PointIds::of(scope.tenant());
            let change = |(read, new): (Context, Context)| {
                validate::contexts("update_unchanged", slice::from_ref(&new))?;
                let new = New::Payload(points::encode_payload(scope, new)?);
                let id = ids.point(read.id);
                Ok(Change { read, id, new })
            };
            let changes: Vec<Change> = changes.into_iter().map(change).collect::<Result<_, Failure>>()?;
            unchanged::write(&self.client, scope.tenant(), &changes).await
        })
        .await
    }

    async fn replace_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Record)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        call("replace_unchanged", async {
            let (read, new): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
            let new = self.points("replace_unchanged", scope, new)?;
            let change = |(read, (id, point))| Change {
                read,
                id,
                new: New::Point(point),
            };
            let changes: Vec<Change> = read.into_iter().zip(new).map(change).collect();
            unchanged::write(&self.client, scope.tenant(), &changes).await
        })
        .await
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        call("set_vectors", async {
            let ids = PointIds::of(scope.tenant());
            let change = |(context, vector): (Context, Vec<f32>)| {
                validate::contexts("set_vectors", slice::from_ref(&context))?;
                validate::vector("set_vectors", self.dimensions, &vector)?;
                let id = ids.point(context.id);
                let payload = points::encode_payload(scope, context.clone())?;
                Ok(Change {
                    read: context,
                    id,
                    new: New::Vectors(points::encode_vector(id, vector), payload),
                })
            };
            let changes: Vec<Change> = embedded.into_iter().map(change).collect::<Result<_, Failure>>()?;
            unchanged::write(&self.client, scope.tenant(), &changes).await.map(drop)
        })
        .await
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        call("get", reads::get(&self.client, scope.tenant(), ids)).await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        let find = reads::find_by_content(&self.client, scope.tenant(), keys);
        call("find_by_content", find).await
    }

    async fn at_offsets(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        let read = reads::at_offsets(&self.client, scope.tenant(), slots, filter);
        call("at_offsets", read).await
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        call("list", reads::list(&self.client, scope.tenant(), &request)).await
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        call("tenants", async {
            match conditions::of_any_tenant(filter) {
                Some(conditions) => reads::tenants(&self.client, &conditions).await,
                None => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        call("count", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => reads::count(&self.client, &conditions).await,
                None => Ok(0),
            }
        })
        .await
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        call("delete", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => self.deletions.delete(&self.client, &conditions).await,
                None => Ok(0),
            }
        })
        .await
    }

    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        call("discard", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => writes::delete(&self.client, &conditions).await,
                None => Ok(0),
            }
        })
        .await
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        call("search", async {
            validate::query("search", self.dimensions, &query)?;
            search::search(&self.client, scope.tenant(), query).await
        })
        .await
    }

    async fn sample_terms(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<SparseVector>, StoreError> {
        call("sample", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => reads::sample_terms(&self.client, &conditions, limit).await,
                None => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn sessions(
        &self,
        scope: &Scope,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError> {
        call("sessions", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => sessions::list(&self.client, scope.tenant(), &conditions, after, limit).await,
                None => Ok(Page {
                    items: Vec::new(),
                    next: None,
                }),
            }
        })
        .await
    }

    async fn count_scopes(&self, scope: &Scope, filter: &Filter) -> Result<Vec<(String, u64)>, StoreError> {
        let Some(conditions) = conditions::matching(scope.tenant(), filter) else {
            return Ok(Vec::new());
        };
        call(
            "count_scopes",
            reads::facet(&self.client, key::SCOPE, &conditions, true),
        )
        .await
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn take_offsets(
        &self,
        scope: &Scope,
        wanted: &[OffsetRange],
        now: Timestamp,
    ) -> Result<Vec<Option<u32>>, StoreError> {
        let ids = PointIds::of(scope.tenant());
        let take = |range| offsets::take(&self.agreements, ids, range, now);
        let calls: Vec<_> = wanted.iter().map(take).collect();
        let taken = stream::iter(calls).buffered(COUNTERS_AT_ONCE).try_collect();
        call("take_offsets", taken).await
    }

    async fn analyzer(&self) -> Result<Option<String>, StoreError> {
        call("analyzer", analyzer::read(&self.agreements)).await
    }

    async fn set_analyzer(&self, fingerprint: &str) -> Result<(), StoreError> {
        call("set_analyzer", analyzer::write(&self.agreements, fingerprint)).await
    }

    /// 0: the protocol does not tell.
    async fn size_bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Does nothing: the server has every acknowledged write in its log, on as many nodes as configured, and its own
    /// configuration says when it syncs the log.
    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Leases for QdrantStore {
    async fn lease(
        &self,
        name: &'static str,
        holder: Uuid,
        now: Timestamp,
        time: Duration,
    ) -> Result<bool, StoreError> {
        call("lease", async {
            let taken = lease::take(&self.agreements, name, holder, now, time).await?;
            self.deletions.unfinished.notify_one();
            if time.is_zero() {
                // The guarded work is over: a good moment to clean up.
                offsets::remove_unused(&self.agreements, now).await?;
            }
            Ok(taken)
        })
        .await
    }
}

impl QdrantStore {
    /// Converts records to points, after checking them.
    fn points(
        &self,
        operation: &'static str,
        scope: &Scope,
        records: Vec<Record>,
    ) -> Result<Vec<(Uuid, PointStruct)>, Failure> {
        validate::records(operation, self.dimensions, &records)?;
        let ids = PointIds::of(scope.tenant());
        let points = records.into_iter().map(|record| points::encode(scope, ids, record));
        Ok(points.collect::<Result<_, _>>()?)
    }
}
