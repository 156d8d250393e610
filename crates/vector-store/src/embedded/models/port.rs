//! The port [`ModelChange`], call by call.

use async_trait::async_trait;
use context_manager_core::context::{Context, ContextId};
use context_manager_core::ports::{BoxError, ModelChange, ModelFingerprint, StoreError, StoredModels};
use context_manager_core::{Page, Scope, TenantId};
use qdrant_edge::{PointId, ScrollRequestBuilder, WithPayloadInterface};

use super::change::ChangeModels;
use crate::embedded::engine::Engine;
use crate::embedded::failure::{Failure, internal};
use crate::embedded::schema::named_vector;
use crate::embedded::store::EmbeddedStore;
use crate::embedded::write::{NewVector, Write};
use crate::embedded::{filter, reads};
use crate::payload::PointIds;
use crate::validate;

#[async_trait]
impl ModelChange for EmbeddedStore {
    async fn models(&self) -> Result<StoredModels, StoreError> {
        let running = self.running.read().await;
        Ok(running.engine("models")?.manifest().models())
    }

    async fn add_model(&self, model: &ModelFingerprint) -> Result<(), StoreError> {
        self.change_models("add_model", ChangeModels::Add(model.clone())).await
    }

    async fn without_other(
        &self,
        scope: &Scope,
        after: Option<ContextId>,
        limit: usize,
    ) -> Result<Page<Context, ContextId>, StoreError> {
        let tenant = scope.tenant().clone();
        self.read("without_other", move |engine| match &engine.manifest().other {
            Some(other) => without_vector(engine, &tenant, &other.vector, after, limit),
            None => Ok(Page {
                items: Vec::new(),
                next: None,
            }),
        })
        .await
    }

    async fn tenants_without_other(&self) -> Result<Vec<TenantId>, StoreError> {
        self.read("tenants_without_other", |engine| match &engine.manifest().other {
            Some(other) => reads::tenants(&engine.shard, filter::without_vector(None, &other.vector)),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn set_other_vectors(&self, scope: &Scope, vectors: Vec<(ContextId, Vec<f32>)>) -> Result<(), StoreError> {
        self.write("set_other_vectors", |manifest| {
            let other = manifest.other.as_ref();
            let other = other.ok_or_else(|| internal("set_other_vectors", Failure::NoOtherModel))?;
            let ids = PointIds::of(scope.tenant());
            let new = vectors.into_iter().map(|(id, vector)| {
                validate::vector("set_other_vectors", other.model.dimensions, &vector)?;
                Ok(NewVector {
                    id: PointId::Uuid(ids.point(id)),
                    vector: named_vector(&other.vector, vector),
                    payload: None,
                })
            });
            let new = new.collect::<Result<Vec<_>, StoreError>>()?;
            let tenant = scope.tenant().clone();
            Ok((!new.is_empty()).then_some(|reply| Write::SetVectors(tenant, new, reply)))
        })
        .await
    }

    async fn switch(&self) -> Result<(), StoreError> {
        self.change_models("switch", ChangeModels::Switch).await
    }

    async fn remove_other(&self) -> Result<(), StoreError> {
        self.change_models("remove_other", ChangeModels::RemoveOther).await
    }
}

impl EmbeddedStore {
    pub(in crate::embedded) async fn change_models(
        &self,
        operation: &'static str,
        change: ChangeModels,
    ) -> Result<(), StoreError> {
        let running = self.running.read().await;
        let write = |reply| Write::ChangeModels(change, reply);
        running.write(operation, write).await
    }
}

/// Returns a page of the contexts without a vector of this name, by the ids of their points.
fn without_vector(
    engine: &Engine,
    tenant: &TenantId,
    vector: &str,
    after: Option<ContextId>,
    limit: usize,
) -> Result<Page<Context, ContextId>, BoxError> {
    let last = after.map(|id| PointId::Uuid(PointIds::of(tenant).point(id)));
    // The engine's page begins with the given point, which was on the page before.
    let mut request = ScrollRequestBuilder::new()
        .filter(filter::without_vector(Some(tenant), vector))
        .limit(limit.max(1) + usize::from(last.is_some()))
        .with_payload(WithPayloadInterface::Bool(false))
        .build();
    request.offset = last;
    loop {
        let (found, next) = engine.shard.scroll(request.clone())?;
        let points = found.into_iter().map(|found| found.id).filter(|id| Some(*id) != last);
        let items = reads::contexts(engine, tenant, &points.collect::<Vec<_>>())?;
        if next.is_none() || !items.is_empty() {
            let next = next.and_then(|_more| items.last().map(|last| last.id));
            return Ok(Page { items, next });
        }
        request.offset = next;
    }
}
