//! Changes of the models of a folder, and of the analyzer of its terms. A second model's vectors have a name of their own in the same points.

use context_manager_core::ports::ModelFingerprint;
use uuid::Uuid;

use crate::embedded::engine::Engine;
use crate::embedded::failure::Failure;
use crate::embedded::folder::{Manifest, Other};
use crate::embedded::schema;

/// A change of the models.
#[derive(Debug)]
pub(in crate::embedded) enum ChangeModels {
    /// Add a model that will take over.
    Add(ModelFingerprint),
    /// Let it take over.
    Switch,
    /// Keep the model in use only.
    RemoveOther,
    /// Record the analyzer of all terms.
    AnalyzedBy(String),
    /// Complete the fingerprint of the model in use, which was unverified.
    Complete(ModelFingerprint),
}

impl ChangeModels {
    /// Makes the change. An interruption leaves at most vectors that the manifest does not name, which the next start
    /// removes. Blocks.
    pub(in crate::embedded) fn apply(self, engine: &Engine) -> Result<(), Failure> {
        let manifest = Manifest::clone(&engine.manifest());
        match self {
            Self::Add(model) => add(engine, manifest, model),
            Self::Switch => switch(engine, manifest),
            Self::RemoveOther => remove_other(engine, manifest),
            Self::AnalyzedBy(fingerprint) => Ok(engine.set_manifest(Manifest {
                analyzer: Some(fingerprint),
                ..manifest
            })?),
            Self::Complete(model) => complete(engine, manifest, model),
        }
    }
}

fn add(engine: &Engine, manifest: Manifest, model: ModelFingerprint) -> Result<(), Failure> {
    let vector = match &manifest.other {
        Some(other) if other.model == model => other.vector.clone(),
        Some(_third) => {
            remove_other(engine, manifest.clone())?;
            vector_name(&model)
        }
        None => vector_name(&model),
    };
    schema::create_vector(&engine.shard, &vector, model.dimensions)?;
    engine.shard.flush()?;
    let other = Some(Other {
        model,
        vector,
        filling: true,
    });
    Ok(engine.set_manifest(Manifest { other, ..manifest })?)
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
        analyzer: manifest.analyzer,
    };
    Ok(engine.set_manifest(after)?)
}

fn remove_other(engine: &Engine, mut manifest: Manifest) -> Result<(), Failure> {
    if let Some(other) = manifest.other.take() {
        engine.set_manifest(manifest)?;
        schema::delete_vector(&engine.shard, &other.vector)?;
    }
    Ok(())
}

fn complete(engine: &Engine, manifest: Manifest, model: ModelFingerprint) -> Result<(), Failure> {
    if manifest.model == model {
        Ok(())
    } else if manifest.model.is_completed_by(&model) {
        Ok(engine.set_manifest(Manifest { model, ..manifest })?)
    } else {
        Err(Failure::ForeignModel)
    }
}

/// Returns the name of a model's vectors, when the model is not the folder's first.
fn vector_name(model: &ModelFingerprint) -> String {
    format!(
        "dense-{}",
        Uuid::new_v5(&Uuid::NAMESPACE_OID, model.to_string().as_bytes()).simple()
    )
}
