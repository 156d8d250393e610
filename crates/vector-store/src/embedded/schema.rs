//! The engine's configuration: vectors, indexes, files.

use qdrant_edge::{
    CreateIndex, CreateVectorName, DeleteVectorName, DenseVectorConfig, Distance, EdgeConfig, EdgeOptimizersConfig,
    EdgeShard, EdgeSparseVectorParamsBuilder, EdgeVectorParamsBuilder, FieldIndexOperations, FloatIndexParamsBuilder,
    HnswIndexConfig, IntegerIndexParamsBuilder, JsonPath, KeywordIndexParamsBuilder, Memory, Modifier, OperationResult,
    PayloadFieldSchema, PayloadSchemaParams, UpdateOperation, VectorNameConfig, VectorNameOperations, VectorPersisted,
    VectorStructPersisted, WalOptions,
};

use super::config::Config;
use super::folder::Manifest;
pub(super) use crate::payload::key::WORDS;
use crate::payload::key::{self, Index};

/// Size of the files of the engine's log; a flush drops the full ones. Some four thousand contexts fit into one: few files
/// under load, and little to replay after a crash.
const LOG_FILE_BYTES: usize = 8 << 20;

/// Number of segments: enough for a search to use both cores of a small machine, and few enough to merge cheaply.
const SEGMENTS: usize = 2;

/// Returns the path of a payload key.
pub(super) fn path(key: &str) -> JsonPath {
    key.parse().expect("a plain name is a path")
}

/// Returns the engine's own configuration, for vectors of these names and sizes.
pub(super) fn engine_config(config: &Config, vectors: &[(String, usize)]) -> EdgeConfig {
    let mut builder = EdgeConfig::builder();
    for (name, size) in vectors {
        // Read for the contexts that are loaded into memory, and seldom after that.
        let vector = EdgeVectorParamsBuilder::new(*size, Distance::Cosine).memory(Memory::Cold);
        builder = builder.vector(name, vector.build());
    }
    builder
        // Without the engine's IDF: it covers all tenants, or is computed for each query.
        .sparse_vector(WORDS, EdgeSparseVectorParamsBuilder::new().memory(Memory::Cold).build())
        .hnsw_config(vector_index(config, false))
        .optimizers(EdgeOptimizersConfig {
            default_segment_number: Some(SEGMENTS),
            ..EdgeOptimizersConfig::default()
        })
        .wal_options(WalOptions {
            segment_capacity: LOG_FILE_BYTES,
            ..WalOptions::default()
        })
        .max_search_threads(config.threads_per_search())
        .build()
}

/// Returns the settings of the vector index. With it, rebuilding segments takes ten times as long, and only searches that
/// contexts in memory do not answer need it.
pub(super) fn vector_index(config: &Config, is_needed: bool) -> HnswIndexConfig {
    HnswIndexConfig {
        m: if is_needed { config.hnsw_m } else { 0 },
        ef_construct: config.hnsw_ef_construct,
        max_indexing_threads: config.threads_per_search().div_ceil(2),
        ..HnswIndexConfig::default()
    }
}

/// Returns the difference between the configuration in an engine's folder and the manifest, if there is one.
pub(super) fn mismatch(stored: &EdgeConfig, manifest: &Manifest) -> Option<String> {
    let other = manifest.other.as_ref().map(|other| (&other.vector, &other.model));
    for (name, model) in other.into_iter().chain([(&manifest.vector, &manifest.model)]) {
        let Some(vector) = stored.vectors.get(name) else {
            return Some(format!("the engine has no vector `{name}`"));
        };
        if vector.size != model.dimensions {
            return Some(format!(
                "the engine has vectors of {} dimensions, the manifest says {}",
                vector.size, model.dimensions
            ));
        }
    }
    match stored.sparse_vectors.get(WORDS) {
        None => Some(format!("the engine has no words `{WORDS}`")),
        Some(words) if words.modifier.is_some_and(|modifier| modifier != Modifier::None) => Some(format!(
            "the engine weighs the words `{WORDS}` by itself, as an older version set it up"
        )),
        Some(_) => None,
    }
}

/// Creates the indexes that are missing or outdated.
pub(super) fn create_indexes(shard: &EdgeShard) -> OperationResult<()> {
    let existing = shard.info()?.payload_schema;
    for (key, index) in key::indexes() {
        let (field_name, params) = (path(key), params(index));
        if existing.get(&field_name).and_then(|index| index.params.as_ref()) != Some(&params) {
            let field_schema = Some(PayloadFieldSchema::FieldParams(params));
            shard.update(UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(
                CreateIndex {
                    field_name,
                    field_schema,
                },
            )))?;
        }
    }
    Ok(())
}

/// Adds a vector of this name to all points, unless there is one.
pub(super) fn create_vector(shard: &EdgeShard, name: &str, size: usize) -> OperationResult<()> {
    let config = VectorNameConfig::dense(DenseVectorConfig {
        size,
        distance: Distance::Cosine,
        multivector_config: None,
        datatype: None,
    });
    let create = CreateVectorName {
        vector_name: name.to_owned(),
        config,
    };
    shard.update(UpdateOperation::VectorNameOperation(
        VectorNameOperations::CreateVectorName(create),
    ))
}

/// Returns a point's vector of this name.
pub(super) fn named_vector(name: &str, vector: Vec<f32>) -> VectorStructPersisted {
    VectorStructPersisted::Named([(name.to_owned(), VectorPersisted::Dense(vector))].into())
}

/// Removes the vectors of a model.
pub(super) fn delete_vector(shard: &EdgeShard, name: &str) -> OperationResult<()> {
    let delete = DeleteVectorName {
        vector_name: name.to_owned(),
    };
    shard.update(UpdateOperation::VectorNameOperation(
        VectorNameOperations::DeleteVectorName(delete),
    ))
}

/// Returns the engine's parameters of an index. Only the tenant gets links of its own in the vector index: every search has
/// it, and links for all keys would make building the index five times slower.
fn params(index: Index) -> PayloadSchemaParams {
    let keyword = KeywordIndexParamsBuilder::new().enable_hnsw(false);
    let integer = IntegerIndexParamsBuilder::new().enable_hnsw(false);
    match index {
        Index::Tenant => PayloadSchemaParams::Keyword(KeywordIndexParamsBuilder::new().is_tenant(true).build()),
        Index::Word => PayloadSchemaParams::Keyword(keyword.build()),
        Index::RareWord => PayloadSchemaParams::Keyword(keyword.memory(Memory::Cold).build()),
        Index::RareInteger => {
            PayloadSchemaParams::Integer(integer.memory(Memory::Cold).lookup(true).range(false).build())
        }
        // No filter compares numbers for equality, which would need a second index.
        Index::Range => PayloadSchemaParams::Integer(integer.lookup(false).range(true).build()),
        Index::Float => PayloadSchemaParams::Float(FloatIndexParamsBuilder::new().enable_hnsw(false).build()),
    }
}
