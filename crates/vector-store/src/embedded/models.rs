//! A second model beside the one in use: its vectors have a name of their own in the same points.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::context::{Context, ContextId};
use context_manager_core::ports::{ModelChange, ModelFingerprint, StoreError, StoredModels};
use context_manager_core::{Filter, Page, Scope, TenantId};
use qdrant_edge::{
    NamedQuery, OperationError, PointId, QueryEnum, QueryRequestBuilder, ScoringQuery, ScrollRequestBuilder,
    VectorInternal, WithPayloadInterface,
};
use uuid::Uuid;

use super::engine::Engine;
use super::folder::{Manifest, Other};
use super::store::named_vector;
use super::writer::{Failure, NewVector, Write};
use super::{EmbeddedStore, filter, internal, reads, schema};
use crate::metrics::observed;
use crate::payload::PointIds;
use crate::validate;

/// How the models of a folder change.
#[derive(Debug)]
pub(super) enum ChangeModels {
    /// Another model is to take over.
    Add(ModelFingerprint),
    /// It does.
    Switch,
    /// There is to be one model only.
    RemoveOther,
}

impl ChangeModels {
    /// Makes the change. Ended between two steps, it leaves at most vectors that the manifest does not know, which the
    /// next start removes. Blocks.
    pub(super) fn apply(self, engine: &Engine) -> Result<Result<(), Failure>, OperationError> {
        let manifest = Manifest::clone(&engine.manifest());
        let changed = match self {
            Self::Add(model) => add(engine, manifest, model)?,
            Self::Switch => switch(engine, manifest),
            Self::RemoveOther => remove_other(engine, manifest)?,
        };
        Ok(changed)
    }
}

fn add(engine: &Engine, manifest: Manifest, model: ModelFingerprint) -> Result<Result<(), Failure>, OperationError> {
    let vector = match &manifest.other {
        Some(other) if other.model == model => other.vector.clone(),
        Some(_third) => {
            if let Err(failure) = remove_other(engine, manifest.clone())? {
                return Ok(Err(failure));
            }
            vector_name(&model)
        }
        None => vector_name(&model),
    };
    schema::create_vector(engine.shard(), &vector, model.dimensions)?;
    engine.shard().flush()?;
    let other = Some(Other {
        model,
        vector,
        filling: true,
    });
    Ok(set(engine, Manifest { other, ..manifest }))
}

fn switch(engine: &Engine, manifest: Manifest) -> Result<(), Failure> {
    let other = manifest.other.ok_or(Failure::NoOtherModel)?;
    let before = Other {
        model: manifest.model,
        vector: manifest.vector,
        filling: false,
    };
    let after = Manifest {
        format: manifest.format,
        model: other.model,
        vector: other.vector,
        other: Some(before),
    };
    set(engine, after)
}

fn remove_other(engine: &Engine, manifest: Manifest) -> Result<Result<(), Failure>, OperationError> {
    let Some(other) = &manifest.other else {
        return Ok(Ok(()));
    };
    let vector = other.vector.clone();
    let set = set(
        engine,
        Manifest {
            other: None,
            ..manifest
        },
    );
    if set.is_ok() {
        schema::delete_vector(engine.shard(), &vector)?;
    }
    Ok(set)
}

fn set(engine: &Engine, manifest: Manifest) -> Result<(), Failure> {
    engine
        .set_manifest(manifest)
        .map_err(|error| Failure::Folder(Arc::new(error)))
}

/// What a model's vectors are called, when it is not the first one.
fn vector_name(model: &ModelFingerprint) -> String {
    format!(
        "dense-{}",
        Uuid::new_v5(&Uuid::NAMESPACE_OID, model.to_string().as_bytes()).simple()
    )
}

#[async_trait]
impl ModelChange for EmbeddedStore {
    async fn models(&self) -> Result<StoredModels, StoreError> {
        Ok(self.engine("models")?.manifest().models())
    }

    async fn add_model(&self, model: &ModelFingerprint) -> Result<(), StoreError> {
        let model = model.clone();
        self.write("add_model", |reply| {
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
        let tenant = scope.tenant().clone();
        let read = self.read("without_other", move |engine| {
            let Some(other) = &engine.manifest().other else {
                return Ok(Page {
                    items: Vec::new(),
                    next: None,
                });
            };
            Ok(without_vector(engine, &tenant, &other.vector, after, limit)?)
        });
        observed("without_other", read).await
    }

    async fn set_other_vectors(&self, scope: &Scope, vectors: Vec<(ContextId, Vec<f32>)>) -> Result<(), StoreError> {
        observed("set_other_vectors", async {
            let other = self.other("set_other_vectors")?;
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
            self.write("set_other_vectors", |reply| Write::SetVectors(new, reply))
                .await
        })
        .await
    }

    async fn search_other(
        &self,
        scope: &Scope,
        vector: Vec<f32>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<ContextId>, StoreError> {
        let other = self.other("search_other")?;
        validate::vector("search_other", other.model.dimensions, &vector)?;
        let tenant = scope.tenant().clone();
        let Some(filter) = filter::translate(&tenant, filter).filter(|_| limit > 0) else {
            return Ok(Vec::new());
        };
        let nearest = QueryEnum::Nearest(NamedQuery {
            query: VectorInternal::Dense(vector),
            using: Some(other.vector),
        });
        let request = QueryRequestBuilder::new(limit)
            .query(ScoringQuery::Vector(nearest))
            .filter(filter)
            .with_payload(WithPayloadInterface::Bool(true));
        let read = self.read("search_other", move |engine| {
            let found = engine.shard().query(request.build())?;
            let ids = found
                .into_iter()
                .map(|point| Ok(reads::context(&tenant, point.payload)?.id));
            ids.collect()
        });
        observed("search_other", read).await
    }

    async fn switch(&self) -> Result<(), StoreError> {
        self.write("switch", |reply| Write::ChangeModels(ChangeModels::Switch, reply))
            .await
    }

    async fn remove_other(&self) -> Result<(), StoreError> {
        self.write("remove_other", |reply| {
            Write::ChangeModels(ChangeModels::RemoveOther, reply)
        })
        .await
    }
}

impl EmbeddedStore {
    fn other(&self, operation: &'static str) -> Result<Other, StoreError> {
        let other = self.engine(operation)?.manifest().other.clone();
        other.ok_or_else(|| internal(operation, Box::new(Failure::NoOtherModel)))
    }
}

/// A page of the contexts without a vector of this name, by the ids of their points.
fn without_vector(
    engine: &Engine,
    tenant: &TenantId,
    vector: &str,
    after: Option<ContextId>,
    limit: usize,
) -> Result<Page<Context, ContextId>, OperationError> {
    let last = after.map(|id| PointId::Uuid(PointIds::of(tenant).point(id)));
    // A page begins with the point it is given, which was on the one before.
    let mut request = ScrollRequestBuilder::new()
        .filter(filter::without_vector(tenant, vector))
        .limit(limit.max(1) + usize::from(last.is_some()))
        .build();
    request.offset = last;
    let (found, next) = engine.shard().scroll(request)?;
    let found = found.into_iter().filter(|found| Some(found.id) != last);
    let items = found.map(|found| reads::context(tenant, found.payload));
    let items: Vec<Context> = items
        .collect::<Result<_, _>>()
        .map_err(|error| OperationError::service_error(error.to_string()))?;
    let next = next.and_then(|_more| items.last().map(|last| last.id));
    Ok(Page { items, next })
}
