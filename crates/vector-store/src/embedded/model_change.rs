//! A second model beside the one in use, as the domain sees it: the port, call by call.

use async_trait::async_trait;
use context_manager_core::context::{Context, ContextId};
use context_manager_core::ports::{BoxError, ModelChange, ModelFingerprint, StoreError, StoredModels};
use context_manager_core::{Page, Scope, TenantId};
use qdrant_edge::{PointId, ScrollRequestBuilder, WithPayloadInterface};

use super::engine::Engine;
use super::failure::Failure;
use super::folder::Other;
use super::models::ChangeModels;
use super::running::Running;
use super::store::named_vector;
use super::writer::{NewVector, Write};
use super::{EmbeddedStore, filter, internal, reads};
use crate::metrics::observed;
use crate::payload::PointIds;
use crate::validate;

#[async_trait]
impl ModelChange for EmbeddedStore {
    async fn models(&self) -> Result<StoredModels, StoreError> {
        let running = self.running.read().await;
        Ok(running.engine("models")?.manifest().models())
    }

    async fn add_model(&self, model: &ModelFingerprint) -> Result<(), StoreError> {
        let running = self.running.read().await;
        let model = model.clone();
        running
            .write("add_model", |reply| {
                Write::ChangeModels(ChangeModels::Add(model), reply)
            })
            .await
    }

    async fn without_other(
        &self,
        scope: &Scope,
        after: Option<ContextId>,
        limit: usize,
    ) -> Result<Page<Context, ContextId>, StoreError> {
        let running = self.running.read().await;
        let tenant = scope.tenant().clone();
        let read = running.read("without_other", move |engine| {
            let Some(other) = &engine.manifest().other else {
                return Ok(Page {
                    items: Vec::new(),
                    next: None,
                });
            };
            without_vector(engine, &tenant, &other.vector, after, limit)
        });
        observed("without_other", read).await
    }

    async fn tenants_without_other(&self) -> Result<Vec<TenantId>, StoreError> {
        let running = self.running.read().await;
        let read = running.read("tenants_without_other", move |engine| {
            let Some(other) = &engine.manifest().other else {
                return Ok(Vec::new());
            };
            reads::tenants(engine.shard(), filter::without_vector(None, &other.vector))
        });
        observed("tenants_without_other", read).await
    }

    async fn set_other_vectors(&self, scope: &Scope, vectors: Vec<(ContextId, Vec<f32>)>) -> Result<(), StoreError> {
        let running = self.running.read().await;
        observed("set_other_vectors", async {
            let other = other(&running, "set_other_vectors")?;
            let ids = PointIds::of(scope.tenant());
            let mut new = Vec::with_capacity(vectors.len());
            for (id, vector) in vectors {
                validate::vector("set_other_vectors", other.model.dimensions, &vector)?;
                new.push(NewVector {
                    id: PointId::Uuid(ids.point(id)),
                    vector: named_vector(&other.vector, vector),
                    payload: None,
                });
            }
            if new.is_empty() {
                return Ok(());
            }
            running
                .write("set_other_vectors", |reply| Write::SetVectors(new, reply))
                .await
        })
        .await
    }

    async fn switch(&self) -> Result<(), StoreError> {
        let running = self.running.read().await;
        running
            .write("switch", |reply| Write::ChangeModels(ChangeModels::Switch, reply))
            .await
    }

    async fn remove_other(&self) -> Result<(), StoreError> {
        let running = self.running.read().await;
        running
            .write("remove_other", |reply| {
                Write::ChangeModels(ChangeModels::RemoveOther, reply)
            })
            .await
    }
}

fn other(running: &Running, operation: &'static str) -> Result<Other, StoreError> {
    let other = running.engine(operation)?.manifest().other.clone();
    other.ok_or_else(|| internal(operation, Box::new(Failure::NoOtherModel)))
}

/// A page of the contexts without a vector of this name, by the ids of their points.
fn without_vector(
    engine: &Engine,
    tenant: &TenantId,
    vector: &str,
    after: Option<ContextId>,
    limit: usize,
) -> Result<Page<Context, ContextId>, BoxError> {
    let last = after.map(|id| PointId::Uuid(PointIds::of(tenant).point(id)));
    // A page begins with the point it is given, which was on the one before.
    let mut request = ScrollRequestBuilder::new()
        .filter(filter::without_vector(Some(tenant), vector))
        .limit(limit.max(1) + usize::from(last.is_some()))
        .with_payload(WithPayloadInterface::Bool(false))
        .build();
    request.offset = last;
    loop {
        let (found, next) = engine.shard().scroll(request.clone())?;
        let points = found.into_iter().map(|found| found.id).filter(|id| Some(*id) != last);
        let items = reads::contexts(engine, tenant, &points.collect::<Vec<_>>())?;
        if next.is_none() || !items.is_empty() {
            let next = next.and_then(|_more| items.last().map(|last| last.id));
            return Ok(Page { items, next });
        }
        request.offset = next;
    }
}
