//! The store on a Qdrant server as the domain sees it: the port, call by call.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    Candidate, Leases, ListRequest, PositionRange, Record, SessionSummary, StoreError, StoreQuery, VectorStore,
};
use context_manager_core::{Filter, Page, Scope, TenantId, Visibility};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use qdrant_client::qdrant::PointStruct;
use uuid::Uuid;

use super::failure::{Failure, internal};
use super::filter::point_id;
use super::unchanged::{self, Change, New};
use super::{QdrantStore, lease, points, positions, reads, search, sessions, writes};
use crate::conditions;
use crate::metrics::observed;
use crate::payload::{Malformed, PointIds};
use crate::validate;

/// Number of session counters that are requested at once.
const COUNTERS_AT_ONCE: usize = 16;

#[async_trait]
impl VectorStore for QdrantStore {
    fn name(&self) -> &'static str {
        "qdrant"
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        observed("upsert", async {
            let points = self.points("upsert", scope, records)?;
            writes::upsert(&self.client, points).await.map_err(failed("upsert"))
        })
        .await
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        observed("replace", async {
            let new = self.points("replace", scope, new)?;
            let ids: Vec<_> = changed.iter().map(|record| record.context.id).collect();
            let changed = self.points("replace", scope, changed)?;
            let named: Vec<_> = ids.into_iter().zip(changed.iter().map(|(point, _)| *point)).collect();
            let mut found = writes::replace(&self.client, new, changed)
                .await
                .map_err(failed("replace"))?;
            let was_there = named.into_iter().filter(|(_, point)| found.remove(&point_id(*point)));
            Ok(was_there.map(|(id, _)| id).collect())
        })
        .await
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        observed("update", async {
            validate::contexts("update", &contexts)?;
            let ids = PointIds::of(scope.tenant());
            let payload = |context: Context| Ok((ids.point(context.id), points::encode_payload(scope, context)?));
            let payloads = contexts.into_iter().map(payload).collect::<Result<Vec<_>, Malformed>>();
            let payloads = payloads.map_err(|error| internal("update", error))?;
            writes::update(&self.client, scope.tenant(), payloads)
                .await
                .map_err(failed("update"))
        })
        .await
    }

    async fn update_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Context)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        observed("update_unchanged", async {
            let ids = PointIds::of(scope.tenant());
            let change = |(read, new): (Context, Context)| {
                validate::contexts("update_unchanged", std::slice::from_ref(&new))?;
                let payload = points::encode_payload(scope, new);
                let new = New::Payload(payload.map_err(|error| internal("update_unchanged", error))?);
                let id = ids.point(read.id);
                Ok(Change { read, id, new })
            };
            let changes: Vec<Change> = changes.into_iter().map(change).collect::<Result<_, StoreError>>()?;
            unchanged::write(&self.client, scope.tenant(), &changes)
                .await
                .map_err(failed("update_unchanged"))
        })
        .await
    }

    async fn replace_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Record)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        observed("replace_unchanged", async {
            let (read, new): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
            let new = self.points("replace_unchanged", scope, new)?;
            let change = |(read, (id, point))| Change {
                read,
                id,
                new: New::Point(point),
            };
            let changes: Vec<Change> = read.into_iter().zip(new).map(change).collect();
            unchanged::write(&self.client, scope.tenant(), &changes)
                .await
                .map_err(failed("replace_unchanged"))
        })
        .await
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        observed("set_vectors", async {
            let ids = PointIds::of(scope.tenant());
            let change = |(context, vector): (Context, Vec<f32>)| {
                validate::contexts("set_vectors", std::slice::from_ref(&context))?;
                validate::vector("set_vectors", self.dimensions, &vector)?;
                let id = ids.point(context.id);
                let payload = points::encode_payload(scope, context.clone());
                let payload = payload.map_err(|error| internal("set_vectors", error))?;
                Ok(Change {
                    read: context,
                    id,
                    new: New::Vectors(points::encode_vector(id, vector), payload),
                })
            };
            let changes: Vec<Change> = embedded.into_iter().map(change).collect::<Result<_, StoreError>>()?;
            unchanged::write(&self.client, scope.tenant(), &changes)
                .await
                .map(drop)
                .map_err(failed("set_vectors"))
        })
        .await
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        observed("get", reads::get(&self.client, scope.tenant(), ids)).await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        observed(
            "find_by_content",
            reads::find_by_content(&self.client, scope.tenant(), keys),
        )
        .await
    }

    async fn at_slots(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        observed("at_slots", reads::at_slots(&self.client, scope.tenant(), slots, filter)).await
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        observed("list", reads::list(&self.client, scope.tenant(), &request)).await
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        observed("tenants", async {
            match conditions::of_any_tenant(filter) {
                Some(conditions) => reads::tenants(&self.client, &conditions).await,
                None => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        observed("count", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => reads::count(&self.client, &conditions).await.map_err(failed("count")),
                None => Ok(0),
            }
        })
        .await
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        observed("delete", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => writes::delete(&self.client, &conditions)
                    .await
                    .map_err(failed("delete")),
                None => Ok(0),
            }
        })
        .await
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        observed("search", async {
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
        observed("sample", async {
            match conditions::matching(scope.tenant(), filter) {
                Some(conditions) => reads::sample_terms(&self.client, &conditions, limit)
                    .await
                    .map_err(failed("sample")),
                None => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn sessions(
        &self,
        scope: &Scope,
        visibility: Visibility,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError> {
        observed(
            "sessions",
            sessions::list(&self.client, scope.tenant(), visibility, after, limit),
        )
        .await
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn take_positions(
        &self,
        scope: &Scope,
        wanted: &[PositionRange],
        now: Timestamp,
    ) -> Result<Vec<Option<u32>>, StoreError> {
        let ids = PointIds::of(scope.tenant());
        let take = |range| positions::take(&self.agreements, ids, range, now);
        let calls: Vec<_> = wanted.iter().map(take).collect();
        let taken = stream::iter(calls).buffered(COUNTERS_AT_ONCE).try_collect();
        observed("take_positions", async {
            taken.await.map_err(failed("take_positions"))
        })
        .await
    }

    /// 0: the protocol does not tell.
    async fn size_bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Nothing is left to be done: what the server acknowledged it has in its log and on as many nodes as are asked
    /// for, and when it forces that log to the disk is its own configuration.
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
        observed("lease", async {
            let taken = lease::take(&self.agreements, name, holder, now, time).await;
            if time.is_zero() && taken.is_ok() {
                // The guarded work is over: a good moment to clean up.
                let removed = positions::remove_unused(&self.agreements, now).await;
                removed.map_err(failed("lease"))?;
            }
            taken.map_err(failed("lease"))
        })
        .await
    }
}

impl QdrantStore {
    /// Records as points, if they may be stored.
    fn points(
        &self,
        operation: &'static str,
        scope: &Scope,
        records: Vec<Record>,
    ) -> Result<Vec<(Uuid, PointStruct)>, StoreError> {
        validate::records(operation, self.dimensions, &records)?;
        let ids = PointIds::of(scope.tenant());
        let points = records.into_iter().map(|record| points::encode(scope, ids, record));
        let points: Result<_, _> = points.collect();
        points.map_err(|error| internal(operation, error))
    }
}

fn failed(operation: &'static str) -> impl Fn(Failure) -> StoreError {
    move |failure| failure.into_store_error(operation)
}
