//! The embedded store as the domain sees it: the port, call by call.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    BoxError, Candidate, ListRequest, Record, SessionSummary, StoreError, StoreQuery, VectorStore,
};
use context_manager_core::{Filter, Page, Scope, TenantId, Visibility};
use qdrant_edge::{Payload, PointId, PointStructPersisted, VectorPersisted, VectorStructPersisted};
use tokio::task::spawn_blocking;

use super::engine::Engine;
use super::folder::Manifest;
use super::schema::WORDS;
use super::writer::{Deletion, NewVector, Write};
use super::{EmbeddedStore, filter, folder, internal, reads, search};
use crate::disk;
use crate::metrics::observed;
use crate::payload::{self, Malformed, PointIds};
use crate::validate;

#[async_trait]
impl VectorStore for EmbeddedStore {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        let running = self.running.read().await;
        observed("upsert", async {
            let points = points("upsert", &running.engine("upsert")?.manifest(), scope, records)?;
            if points.is_empty() {
                return Ok(());
            }
            running.write("upsert", |reply| Write::Upsert(points, reply)).await
        })
        .await
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let running = self.running.read().await;
        observed("replace", async {
            let model = running.engine("replace")?.manifest();
            let new = points("replace", &model, scope, new)?;
            let ids: Vec<_> = changed.iter().map(|record| record.context.id).collect();
            let changed = points("replace", &model, scope, changed)?;
            if new.is_empty() && changed.is_empty() {
                return Ok(Vec::new());
            }
            let named: Vec<_> = ids.into_iter().zip(changed.iter().map(|point| point.id)).collect();
            let mut found = running
                .write("replace", |reply| Write::Replace(new, changed, reply))
                .await?;
            let was_there = named.into_iter().filter(|(_, point)| found.remove(point));
            Ok(was_there.map(|(id, _)| id).collect())
        })
        .await
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        let running = self.running.read().await;
        observed("update", async {
            validate::contexts("update", &contexts)?;
            let ids = PointIds::of(scope.tenant());
            let payload = |context: Context| {
                let id = PointId::Uuid(ids.point(context.id));
                Ok((id, Payload(payload::encode(scope, context)?)))
            };
            let payloads: Result<Vec<_>, Malformed> = contexts.into_iter().map(payload).collect();
            let payloads = payloads.map_err(|error| internal("update", Box::new(error)))?;
            if payloads.is_empty() {
                return Ok(());
            }
            running.write("update", |reply| Write::Update(payloads, reply)).await
        })
        .await
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        let running = self.running.read().await;
        observed("set_vectors", async {
            let model = running.engine("set_vectors")?.manifest();
            let ids = PointIds::of(scope.tenant());
            let mut new = Vec::with_capacity(embedded.len());
            for (context, vector) in embedded {
                validate::contexts("set_vectors", std::slice::from_ref(&context))?;
                validate::vector("set_vectors", model.model.dimensions, &vector)?;
                let id = PointId::Uuid(ids.point(context.id));
                let payload =
                    payload::encode(scope, context).map_err(|error| internal("set_vectors", Box::new(error)))?;
                new.push(NewVector {
                    id,
                    vector: named_vector(&model.vector, vector),
                    payload: Some(Payload(payload)),
                });
            }
            if new.is_empty() {
                return Ok(());
            }
            running
                .write("set_vectors", |reply| Write::SetVectors(new, reply))
                .await
        })
        .await
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        let running = self.running.read().await;
        let (tenant, ids) = (scope.tenant().clone(), ids.to_vec());
        observed(
            "get",
            running.read("get", move |engine| reads::get(engine, &tenant, &ids)),
        )
        .await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        let running = self.running.read().await;
        let (tenant, keys) = (scope.tenant().clone(), keys.to_vec());
        let read = running.read("find_by_content", move |engine| {
            reads::find_by_content(engine, &tenant, &keys)
        });
        observed("find_by_content", read).await
    }

    async fn at_slots(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        let running = self.running.read().await;
        let (tenant, slots, filter) = (scope.tenant().clone(), slots.to_vec(), filter.clone());
        let read = running.read("at_slots", move |engine| {
            reads::at_slots(engine, &tenant, &slots, &filter)
        });
        observed("at_slots", read).await
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        let running = self.running.read().await;
        let tenant = scope.tenant().clone();
        observed(
            "list",
            running.read("list", move |engine| reads::list(engine, &tenant, &request)),
        )
        .await
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        let running = self.running.read().await;
        observed("tenants", async {
            match filter::of_any_tenant(filter) {
                Some(filter) => {
                    running
                        .read("tenants", move |engine| reads::tenants(engine.shard(), filter))
                        .await
                }
                None => Ok(Vec::new()),
            }
        })
        .await
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let running = self.running.read().await;
        observed("count", async {
            match reads::translate(scope.tenant(), filter) {
                Some(filter) => {
                    running
                        .read("count", move |engine| Ok(reads::count(engine.shard(), filter)?))
                        .await
                }
                None => Ok(0),
            }
        })
        .await
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let running = self.running.read().await;
        observed("delete", async {
            match reads::translate(scope.tenant(), filter) {
                Some(filter) => {
                    running
                        .write("delete", |reply| Write::Delete(filter, Deletion::ForGood, reply))
                        .await
                }
                None => Ok(0),
            }
        })
        .await
    }

    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let running = self.running.read().await;
        observed("discard", async {
            match reads::translate(scope.tenant(), filter) {
                Some(filter) => {
                    running
                        .write("discard", |reply| Write::Delete(filter, Deletion::Revocable, reply))
                        .await
                }
                None => Ok(0),
            }
        })
        .await
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        let running = self.running.read().await;
        let tenant = scope.tenant().clone();
        observed("search", async {
            validate::query("search", running.engine("search")?.manifest().model.dimensions, &query)?;
            running
                .read("search", move |engine| search::search(engine, &tenant, query))
                .await
        })
        .await
    }

    async fn sample_terms(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<SparseVector>, StoreError> {
        let running = self.running.read().await;
        observed("sample", async {
            match reads::translate(scope.tenant(), filter) {
                Some(filter) => {
                    running
                        .read("sample", move |engine| {
                            Ok(reads::sample_terms(engine.shard(), filter, limit)?)
                        })
                        .await
                }
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
        let running = self.running.read().await;
        let (tenant, after) = (scope.tenant().clone(), after.map(str::to_owned));
        observed("sessions", async {
            let of = tenant.clone();
            let read = move |engine: &Engine| engine.sessions().page(engine, &of, visibility, after.as_deref(), limit);
            let ids = running.read("sessions", read).await?;
            let mut items = Vec::with_capacity(ids.items.len());
            for id in ids.items {
                // Each in a turn of its own: what else is asked of the store comes in between.
                let of = tenant.clone();
                let read = move |engine: &Engine| reads::session(engine, &of, id, visibility);
                items.extend(running.read("sessions", read).await?);
            }
            Ok(Page { items, next: ids.next })
        })
        .await
    }

    async fn troubles(&self) -> Vec<String> {
        let engine = self.running.read().await.engine("troubles");
        engine.map(|engine| engine.troubles().list()).unwrap_or_default()
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        let running = self.running.read().await;
        let engine = running.engine("size")?;
        let size = spawn_blocking(move || disk::size(&folder::shard(engine.path()))).await;
        size.map_err(BoxError::from)
            .and_then(|size| size.map_err(BoxError::from))
            .map_err(|error| internal("size", error))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let running = self.running.read().await;
        running.write("flush", Write::Flush).await
    }
}

/// Records as the engine stores them, if they may be stored.
fn points(
    operation: &'static str,
    model: &Manifest,
    scope: &Scope,
    records: Vec<Record>,
) -> Result<Vec<PointStructPersisted>, StoreError> {
    validate::records(operation, model.model.dimensions, &records)?;
    let ids = PointIds::of(scope.tenant());
    let point = |record| point(scope, ids, &model.vector, record);
    let points: Result<Vec<_>, _> = records.into_iter().map(point).collect();
    points.map_err(|error| internal(operation, Box::new(error)))
}

/// A record as the engine stores it. Without words it has no vector of words: it is no document to count.
fn point(scope: &Scope, ids: PointIds, vector: &str, record: Record) -> Result<PointStructPersisted, Malformed> {
    let Record { context, dense, terms } = record;
    let id = PointId::Uuid(ids.point(context.id));
    let dense = dense.map(|dense| (vector.to_owned(), VectorPersisted::Dense(dense)));
    let words = (!terms.is_empty()).then(|| {
        let words = qdrant_edge::SparseVector {
            indices: terms.indices,
            values: terms.values,
        };
        (WORDS.to_owned(), VectorPersisted::Sparse(words))
    });
    Ok(PointStructPersisted {
        id,
        vector: VectorStructPersisted::Named(dense.into_iter().chain(words).collect()),
        payload: Some(Payload(payload::encode(scope, context)?)),
    })
}

/// A vector by its name.
pub(super) fn named_vector(name: &str, vector: Vec<f32>) -> VectorStructPersisted {
    VectorStructPersisted::Named([(name.to_owned(), VectorPersisted::Dense(vector))].into())
}
