//! How the engine is set up: vectors, indexes, files.

use context_manager_core::ports::ModelFingerprint;
use qdrant_edge::{
    CreateIndex, Distance, EdgeConfig, EdgeOptimizersConfig, EdgeShard, EdgeSparseVectorParamsBuilder,
    EdgeVectorParams, EdgeVectorParamsBuilder, FieldIndexOperations, FloatIndexParamsBuilder, HnswIndexConfig,
    IntegerIndexParamsBuilder, JsonPath, KeywordIndexParamsBuilder, Modifier, OperationResult, PayloadFieldSchema,
    PayloadSchemaParams, UpdateOperation, WalOptions,
};

use super::config::Config;
use crate::payload::key;
pub(super) use crate::payload::key::{DENSE, WORDS};

/// The engine's log grows in files of this size, and a flush drops the full ones. Some four thousand contexts fit into
/// one: few files while much is written, and little to read again after a crash.
const LOG_FILE_BYTES: usize = 8 << 20;

/// Large enough for a search to use both cores of a small machine, and few enough that merging them is cheap.
const SEGMENTS: usize = 2;

/// The path of a payload key.
pub(super) fn path(key: &str) -> JsonPath {
    key.parse().expect("a plain name is a path")
}

/// The engine's own configuration.
pub(super) fn engine_config(config: &Config, model: &ModelFingerprint) -> EdgeConfig {
    EdgeConfig::builder()
        .vector(DENSE, dense(model))
        .sparse_vector(
            WORDS,
            EdgeSparseVectorParamsBuilder::new().modifier(Modifier::Idf).build(),
        )
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
pub(super) fn mismatch(stored: &EdgeConfig, model: &ModelFingerprint) -> Option<String> {
    let Some(vector) = stored.vectors.get(DENSE) else {
        return Some(format!("the engine has no vector `{DENSE}`"));
    };
    if vector.size != model.dimensions {
        return Some(format!(
            "the engine has vectors of {} dimensions, the manifest says {}",
            vector.size, model.dimensions
        ));
    }
    let words = stored.sparse_vectors.get(WORDS);
    if words.is_none_or(|words| words.modifier != Some(Modifier::Idf)) {
        return Some(format!("the engine has no words `{WORDS}`"));
    }
    None
}

/// Creates the indexes that are not there yet.
pub(super) fn create_indexes(shard: &EdgeShard) -> OperationResult<()> {
    let existing = shard.info()?.payload_schema;
    for (key, params) in indexes() {
        let field_name = path(key);
        if !existing.contains_key(&field_name) {
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

fn dense(model: &ModelFingerprint) -> EdgeVectorParams {
    EdgeVectorParamsBuilder::new(model.dimensions, Distance::Cosine).build()
}

/// Everything a [`Filter`](context_manager_core::Filter) asks about, and no more: every flush writes a dozen files for
/// each. Only the tenant gets links of its own in the vector index: every search has it, and links for all of them would
/// make building the index five times dearer.
fn indexes() -> [(&'static str, PayloadSchemaParams); 8] {
    let keyword = || KeywordIndexParamsBuilder::new().enable_hnsw(false);
    // Nobody asks for equal numbers; an index for that would be a second one.
    let integer = || {
        let integer = IntegerIndexParamsBuilder::new().enable_hnsw(false);
        PayloadSchemaParams::Integer(integer.lookup(false).range(true).build())
    };
    let float = FloatIndexParamsBuilder::new().enable_hnsw(false);
    let tenant = KeywordIndexParamsBuilder::new().is_tenant(true);
    [
        (key::TENANT, PayloadSchemaParams::Keyword(tenant.build())),
        (key::SESSION, PayloadSchemaParams::Keyword(keyword().build())),
        (key::FACTS, PayloadSchemaParams::Keyword(keyword().build())),
        (key::OCCURRED, integer()),
        (key::SEQUENCE, integer()),
        (key::EXPIRES, integer()),
        (key::VISIBLE, integer()),
        (key::IMPORTANCE, PayloadSchemaParams::Float(float.build())),
    ]
}
