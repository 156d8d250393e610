//! How the engine is set up: vectors, indexes, files.

use qdrant_edge::{
    CreateIndex, CreateVectorName, DeleteVectorName, DenseVectorConfig, Distance, EdgeConfig, EdgeOptimizersConfig,
    EdgeShard, EdgeSparseVectorParamsBuilder, EdgeVectorParamsBuilder, FieldIndexOperations, FloatIndexParamsBuilder,
    HnswIndexConfig, IntegerIndexParamsBuilder, JsonPath, KeywordIndexParamsBuilder, Memory, Modifier, OperationResult,
    PayloadFieldSchema, PayloadSchemaParams, UpdateOperation, VectorNameConfig, VectorNameOperations, WalOptions,
};

use super::config::Config;
use super::folder::Manifest;
use crate::payload::key;
pub(super) use crate::payload::key::WORDS;

/// The engine's log grows in files of this size, and a flush drops the full ones. Some four thousand contexts fit into
/// one: few files while much is written, and little to read again after a crash.
const LOG_FILE_BYTES: usize = 8 << 20;

/// Large enough for a search to use both cores of a small machine, and few enough that merging them is cheap.
const SEGMENTS: usize = 2;

/// The path of a payload key.
pub(super) fn path(key: &str) -> JsonPath {
    key.parse().expect("a plain name is a path")
}

/// The engine's own configuration, for vectors of these names and sizes.
pub(super) fn engine_config(config: &Config, vectors: &[(String, usize)]) -> EdgeConfig {
    let mut builder = EdgeConfig::builder();
    for (name, size) in vectors {
        builder = builder.vector(name, EdgeVectorParamsBuilder::new(*size, Distance::Cosine).build());
    }
    builder
        // Without the engine's own measure of rarity: it is that of all tenants, or counted anew for every question.
        .sparse_vector(WORDS, EdgeSparseVectorParamsBuilder::new().build())
        .hnsw_config(HnswIndexConfig {
            m: config.hnsw_m,
            ef_construct: config.hnsw_ef_construct,
            ..HnswIndexConfig::default()
        })
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

/// What is wrong with the configuration that an engine's folder has, if anything.
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

/// Creates the indexes that are not there yet, or not as they are to be.
pub(super) fn create_indexes(shard: &EdgeShard) -> OperationResult<()> {
    let existing = shard.info()?.payload_schema;
    for (key, params) in indexes() {
        let field_name = path(key);
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

/// Makes room for vectors of another model. Nothing happens when there is some already.
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

/// Removes the vectors of a model.
pub(super) fn delete_vector(shard: &EdgeShard, name: &str) -> OperationResult<()> {
    let delete = DeleteVectorName {
        vector_name: name.to_owned(),
    };
    shard.update(UpdateOperation::VectorNameOperation(
        VectorNameOperations::DeleteVectorName(delete),
    ))
}

/// Everything a [`Filter`](context_manager_core::Filter) asks about, and no more: every flush writes a dozen files for
/// each. Only the tenant gets links of its own in the vector index: every search has it, and links for all of them would
/// make building the index five times dearer.
fn indexes() -> [(&'static str, PayloadSchemaParams); 10] {
    let keyword = || KeywordIndexParamsBuilder::new().enable_hnsw(false);
    // Nobody asks for equal numbers; an index for that would be a second one.
    let integer = || {
        let integer = IntegerIndexParamsBuilder::new().enable_hnsw(false);
        PayloadSchemaParams::Integer(integer.lookup(false).range(true).build())
    };
    // Values that hardly two contexts share. The engine's index in memory walks over everything before a value to find
    // it, so that looking up some hundred of many would cost more the more is stored. The one on disk is looked at
    // through the page cache, and takes no memory.
    let facts = keyword().memory(Memory::Cold);
    let slot = IntegerIndexParamsBuilder::new().enable_hnsw(false).memory(Memory::Cold);
    let float = FloatIndexParamsBuilder::new().enable_hnsw(false);
    let tenant = KeywordIndexParamsBuilder::new().is_tenant(true);
    [
        (key::TENANT, PayloadSchemaParams::Keyword(tenant.build())),
        (key::SESSION, PayloadSchemaParams::Keyword(keyword().build())),
        (key::FACTS, PayloadSchemaParams::Keyword(facts.build())),
        (key::LEVEL, PayloadSchemaParams::Keyword(keyword().build())),
        (
            key::SLOT,
            PayloadSchemaParams::Integer(slot.lookup(true).range(false).build()),
        ),
        (key::OCCURRED, integer()),
        (key::SEQUENCE, integer()),
        (key::EXPIRES, integer()),
        (key::VISIBLE, integer()),
        (key::IMPORTANCE, PayloadSchemaParams::Float(float.build())),
    ]
}
