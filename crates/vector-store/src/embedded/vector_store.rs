//! The port [`VectorStore`], call by call.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::context::{ContentKey, Context, ContextId};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{
    BoxError, Candidate, ListRequest, MemoryUse, Record, SessionSummary, StoreError, StoreQuery, VectorStore,
};
use context_manager_core::{Filter, Page, Scope, TenantId};
use jiff::Timestamp;
use qdrant_edge::{Payload, PointId, PointStructPersisted, VectorPersisted, VectorStructPersisted};
use tokio::task::spawn_blocking;

use super::engine::Engine;
use super::failure::internal;
use super::folder::Manifest;
use super::models::change::ChangeModels;
use super::resident::Change;
use super::schema::{WORDS, named_vector};
use super::store::EmbeddedStore;
use super::write::{Deletion, NewPayload, NewPoint, NewVector, Write};
use super::{filter, folder, reads, search};
use crate::disk;
use crate::metrics::observed;
use crate::payload::{self, PointIds};
use crate::validate;

#[async_trait]
impl VectorStore for EmbeddedStore {
    fn name(&self) -> &'static str {
        "embedded"
    }

    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError> {
        self.write("upsert", |manifest| {
            let (tenant, points) = (scope.tenant().clone(), points("upsert", manifest, scope, records)?);
            Ok((!points.is_empty()).then_some(|reply| Write::Upsert(tenant, points, reply)))
        })
        .await
    }

    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let ids: Vec<ContextId> = changed.iter().map(|record| record.context.id).collect();
        let write = self.write("replace", |manifest| {
            let new = points("replace", manifest, scope, new)?;
            let changed = points("replace", manifest, scope, changed)?;
            let is_empty = new.is_empty() && changed.is_empty();
            let tenant = scope.tenant().clone();
            Ok((!is_empty).then_some(|reply| Write::Replace(tenant, new, changed, reply)))
        });
        let mut existed = write.await?;
        let points = PointIds::of(scope.tenant());
        let replaced = ids
            .into_iter()
            .filter(|id| existed.remove(&PointId::Uuid(points.point(*id))));
        Ok(replaced.collect())
    }

    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        self.write("update", |_| {
            let tenant = scope.tenant().clone();
            let payloads = contexts.into_iter().map(|context| {
                validate::contexts("update", std::slice::from_ref(&context))?;
                let point = PointIds::of(&tenant).point(context.id);
                let change = changed("update", Change::context(point, &context))?;
                let (id, payload) = encode("update", scope, context)?;
                Ok(NewPayload { id, payload, change })
            });
            let payloads = payloads.collect::<Result<Vec<_>, StoreError>>()?;
            Ok((!payloads.is_empty()).then_some(|reply| Write::Update(tenant, payloads, reply)))
        })
        .await
    }

    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError> {
        let tenant = scope.tenant().clone();
        self.write("set_vectors", |manifest| {
            let new = embedded.into_iter().map(|(context, vector)| {
                validate::vector("set_vectors", manifest.model.dimensions, &vector)?;
                validate::contexts("set_vectors", std::slice::from_ref(&context))?;
                let point = PointIds::of(&tenant).point(context.id);
                let change = changed("set_vectors", Change::embedded(point, &context, vector.clone()))?;
                let (id, payload) = encode("set_vectors", scope, context)?;
                Ok(NewVector {
                    id,
                    vector: named_vector(&manifest.vector, vector),
                    payload: Some((payload, change)),
                })
            });
            let new = new.collect::<Result<Vec<_>, StoreError>>()?;
            Ok((!new.is_empty()).then_some(|reply| Write::SetVectors(tenant, new, reply)))
        })
        .await
    }

    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError> {
        let (tenant, ids) = (scope.tenant().clone(), ids.to_vec());
        self.read("get", move |engine| reads::get(engine, &tenant, &ids)).await
    }

    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError> {
        let (tenant, keys) = (scope.tenant().clone(), keys.to_vec());
        self.read("find_by_content", move |engine| {
            reads::find_by_content(engine, &tenant, &keys)
        })
        .await
    }

    async fn at_offsets(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError> {
        let (tenant, offsets, filter) = (scope.tenant().clone(), slots.to_vec(), filter.clone());
        self.read_memory("at_offsets", move |engine| {
            if let Some(found) = engine
                .resident
                .at_offsets(&tenant, &offsets, &filter, &engine.accesses)?
            {
                return Ok(found);
            }
            let (engine, _gate) = engine.read();
            reads::at_offsets(engine, &tenant, &offsets, &filter)
        })
        .await
    }

    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError> {
        let tenant = scope.tenant().clone();
        self.read("list", move |engine| reads::list(engine, &tenant, &request))
            .await
    }

    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError> {
        let filter = filter::of_any_tenant(filter);
        self.read("tenants", move |engine| match filter {
            Some(filter) => reads::tenants(&engine.shard, filter),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        let filter = filter::translate(scope.tenant(), filter);
        self.read("count", move |engine| match filter {
            Some(filter) => Ok(reads::count(&engine.shard, filter)?),
            None => Ok(0),
        })
        .await
    }

    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.delete_matching("delete", scope, filter, Deletion::ForGood).await
    }

    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.delete_matching("discard", scope, filter, Deletion::Revocable)
            .await
    }

    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError> {
        let tenant = scope.tenant().clone();
        let running = self.running.read().await;
        observed("search", async {
            validate::query("search", running.engine("search")?.manifest().model.dimensions, &query)?;
            let search = move |engine: &Engine| {
                engine.count_search();
                if let Some(found) = engine.resident.search(&tenant, &query, &engine.accesses)? {
                    return Ok(found);
                }
                let (engine, _gate) = engine.read();
                search::search(engine, &tenant, query)
            };
            running.read_memory("search", search).await
        })
        .await
    }

    async fn sample_terms(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<SparseVector>, StoreError> {
        let (tenant, filter) = (scope.tenant().clone(), filter.clone());
        self.read_memory("sample", move |engine| {
            let of_user = Filter {
                user_id: filter.user_id.clone(),
                ..Filter::default()
            };
            let sample = (filter == of_user).then(|| engine.resident.sample(&tenant, filter.user_id.as_deref(), limit));
            if let Some(sample) = sample.flatten() {
                return Ok(sample);
            }
            let (engine, _gate) = engine.read();
            match filter::translate(&tenant, &filter) {
                Some(filter) => Ok(reads::sample_terms(&engine.shard, filter, limit)?),
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
        let running = self.running.read().await;
        let (tenant, filter, after) = (scope.tenant().clone(), filter.clone(), after.map(str::to_owned));
        observed("sessions", async {
            let (of, matching) = (tenant.clone(), filter.clone());
            let ids = running.read("sessions", move |engine| {
                Ok(reads::session_ids(engine, &of, &matching, after.as_deref(), limit)?)
            });
            let ids = ids.await?;
            let mut items = Vec::with_capacity(ids.items.len());
            for id in ids.items {
                // Each under a permit of its own, so that other reads and writes come in between.
                let (of, matching) = (tenant.clone(), filter.clone());
                let read = running.read("sessions", move |engine| reads::session(engine, &of, id, &matching));
                items.extend(read.await?);
            }
            Ok(Page { items, next: ids.next })
        })
        .await
    }

    async fn count_scopes(&self, scope: &Scope, filter: &Filter) -> Result<Vec<(String, u64)>, StoreError> {
        let filter = filter::translate(scope.tenant(), filter);
        self.read("count_scopes", move |engine| match filter {
            Some(filter) => Ok(reads::count_scopes(&engine.shard, filter)?),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn count_accesses(
        &self,
        scope: &Scope,
        served: &[(ContextId, u64)],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let points = PointIds::of(scope.tenant());
        let served: Vec<_> = served.iter().map(|(id, known)| (points.point(*id), *known)).collect();
        let engine = self.running.read().await.engine("count_accesses")?;
        engine.count_accesses(&served, now);
        Ok(true)
    }

    async fn troubles(&self) -> Vec<String> {
        let engine = self.running.read().await.engine("troubles");
        engine.map(|engine| engine.troubles.list()).unwrap_or_default()
    }

    async fn analyzer(&self) -> Result<Option<String>, StoreError> {
        let running = self.running.read().await;
        Ok(running.engine("analyzer")?.manifest().analyzer.clone())
    }

    async fn set_analyzer(&self, fingerprint: &str) -> Result<(), StoreError> {
        let change = ChangeModels::AnalyzedBy(fingerprint.to_owned());
        self.change_models("set_analyzer", change).await
    }

    async fn memory(&self) -> Option<MemoryUse> {
        let engine = self.running.read().await.engine("memory").ok()?;
        Some(engine.resident.usage())
    }

    async fn size_bytes(&self) -> Result<u64, StoreError> {
        let running = self.running.read().await;
        let engine = running.engine("size")?;
        let size = spawn_blocking(move || disk::size(&folder::shard(&engine.path))).await;
        size.map_err(BoxError::from)
            .and_then(|size| size.map_err(BoxError::from))
            .map_err(|error| internal("size", error))
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let running = self.running.read().await;
        running.write("flush", Write::Flush).await
    }
}

impl EmbeddedStore {
    async fn delete_matching(
        &self,
        operation: &'static str,
        scope: &Scope,
        filter: &Filter,
        deletion: Deletion,
    ) -> Result<u64, StoreError> {
        let (tenant, filter) = (scope.tenant().clone(), filter::translate(scope.tenant(), filter));
        let write = self.write(operation, |_| {
            Ok(filter.map(|filter| move |reply| Write::Delete(tenant, filter, deletion, reply)))
        });
        let deleted = write.await?;
        Ok(deleted.count + self.purge(operation, deleted.unreadable).await?)
    }
}

/// Returns the points of records, if they are valid.
fn points(
    operation: &'static str,
    manifest: &Manifest,
    scope: &Scope,
    records: Vec<Record>,
) -> Result<Vec<NewPoint>, StoreError> {
    validate::records(operation, manifest.model.dimensions, &records)?;
    let point = |record| point(operation, scope, &manifest.vector, record);
    records.into_iter().map(point).collect()
}

/// Returns the point of a record. Without terms it has no sparse vector.
fn point(operation: &'static str, scope: &Scope, vector: &str, record: Record) -> Result<NewPoint, StoreError> {
    let point = PointIds::of(scope.tenant()).point(record.context.id);
    let change = changed(operation, Change::record(point, &record))?;
    let Record { context, dense, terms } = record;
    let dense = dense.map(|dense| (vector.to_owned(), VectorPersisted::Dense(dense)));
    let sparse = (!terms.is_empty()).then(|| {
        let sparse = qdrant_edge::SparseVector {
            indices: terms.indices,
            values: terms.values,
        };
        (WORDS.to_owned(), VectorPersisted::Sparse(sparse))
    });
    let (id, payload) = encode(operation, scope, context)?;
    let point = PointStructPersisted {
        id,
        vector: VectorStructPersisted::Named(dense.into_iter().chain(sparse).collect()),
        payload: Some(payload),
    };
    Ok(NewPoint { point, change })
}

fn changed(operation: &'static str, change: Result<Change, BoxError>) -> Result<Change, StoreError> {
    change.map_err(|error| internal(operation, error))
}

fn encode(operation: &'static str, scope: &Scope, context: Context) -> Result<(PointId, Payload), StoreError> {
    let id = PointId::Uuid(PointIds::of(scope.tenant()).point(context.id));
    let payload = payload::encode(scope, context).map_err(|error| internal(operation, error))?;
    Ok((id, Payload(payload)))
}
