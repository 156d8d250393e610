//! Which models' vectors a folder holds, and changing that. A second model's vectors have a name of their own in the same
//! points.

use std::sync::Arc;

use context_manager_core::ports::ModelFingerprint;
use qdrant_edge::OperationError;
use uuid::Uuid;

use super::engine::Engine;
use super::failure::Failure;
use super::folder::{Manifest, Other};
use super::schema;

/// How the models of a folder change.
#[derive(Debug)]
pub(super) enum ChangeModels {
    /// Another model is to take over.
    Add(ModelFingerprint),
    /// It does.
    Switch,
    /// There is to be one model only.
    RemoveOther,
    /// The model in use, which was unverified, has answered.
    Complete(ModelFingerprint),
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
            Self::Complete(model) => complete(engine, manifest, model),
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

fn complete(engine: &Engine, manifest: Manifest, model: ModelFingerprint) -> Result<(), Failure> {
    if manifest.model == model {
        Ok(())
    } else if manifest.model.is_completed_by(&model) {
        set(engine, Manifest { model, ..manifest })
    } else {
        Err(Failure::ForeignModel)
    }
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
