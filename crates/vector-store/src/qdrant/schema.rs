//! Shape of the collection, and checks that tell it from foreign ones.

use std::collections::HashMap;

use context_manager_core::ports::ModelFingerprint;
use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{
    BinaryQuantizationBuilder, CollectionInfo, CreateCollection, CreateCollectionBuilder, CreateFieldIndexCollection,
    Distance, FieldType, FloatIndexParamsBuilder, HnswConfigDiffBuilder, IntegerIndexParamsBuilder,
    KeywordIndexParamsBuilder, Modifier, PayloadIndexParams, PayloadSchemaInfo, PayloadSchemaType, QuantizationType,
    ScalarQuantizationBuilder, SparseVectorConfig, SparseVectorParams, UpdateCollection, Value, VectorParamsBuilder,
    VectorParamsMap, quantization_config, vectors_config,
};
use serde::{Deserialize, Serialize};

use super::config::{Config, Quantization};
use crate::payload::key::{self, DENSE, WORDS};

/// Format that this version writes, and the newest it reads.
const FORMAT: u32 = 1;

/// Key of the manifest in the collection's metadata, as JSON text.
const MANIFEST: &str = "context_manager";

/// Description of a collection. It is created with the collection, so that the model of every collection is known.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    model: ModelFingerprint,
    /// Number of groups of tenants, each with a shard of its own, in collections of earlier versions. The server takes no
    /// write to such a collection that does not name a shard.
    #[serde(default, skip_serializing)]
    groups: Option<u32>,
}

/// Returns the request that creates the collection.
pub(super) fn create(config: &Config, model: &ModelFingerprint) -> CreateCollection {
    // The older parameters for placement on disk: servers before 1.19 know no others, and newer ones accept them.
    let dense = VectorParamsBuilder::new(model.dimensions as u64, Distance::Cosine).on_disk(config.on_disk);
    let mut collection = CreateCollectionBuilder::new(config.collection())
        .vectors_config(vectors_config::Config::ParamsMap(VectorParamsMap {
            map: HashMap::from([(DENSE.to_owned(), dense.build())]),
        }))
        .sparse_vectors_config(SparseVectorConfig {
            // Without the server's own IDF, which covers all tenants within one shard.
            map: HashMap::from([(WORDS.to_owned(), SparseVectorParams::default())]),
        })
        .hnsw_config(
            HnswConfigDiffBuilder::default()
                .m(config.hnsw_m as u64)
                .ef_construct(config.hnsw_ef_construct as u64),
        )
        .replication_factor(config.replication_factor)
        .write_consistency_factor(config.write_consistency_factor)
        .on_disk_payload(config.on_disk)
        .timeout(config.timeout_secs);
    if let Some(quantization) = quantization(config.quantization) {
        collection = collection.quantization_config(quantization);
    }
    if let Some(shards) = config.shard_number {
        collection = collection.shard_number(shards);
    }
    CreateCollection {
        metadata: metadata(model),
        ..collection.build()
    }
}

/// Returns the update that completes the fingerprint in the collection's metadata, or `None` if it is complete.
pub(super) fn complete(info: &CollectionInfo, model: &ModelFingerprint) -> Result<Option<UpdateCollection>, Mismatch> {
    let stored = stored_model(info)?;
    if stored == *model {
        Ok(None)
    } else if stored.is_completed_by(model) {
        Ok(Some(UpdateCollection {
            metadata: metadata(model),
            ..UpdateCollection::default()
        }))
    } else {
        Err(Mismatch::Model(stored))
    }
}

fn metadata(model: &ModelFingerprint) -> HashMap<String, Value> {
    let manifest = Manifest {
        format: FORMAT,
        model: model.clone(),
        groups: None,
    };
    let manifest = serde_json::to_string(&manifest).expect("a manifest has nothing that JSON cannot hold");
    HashMap::from([(MANIFEST.to_owned(), Value::from(manifest))])
}

fn quantization(quantization: Quantization) -> Option<quantization_config::Quantization> {
    match quantization {
        Quantization::None => None,
        Quantization::Int8 => Some(
            ScalarQuantizationBuilder::default()
                .r#type(QuantizationType::Int8.into())
                .quantile(0.99)
                .always_ram(true)
                .build()
                .into(),
        ),
        Quantization::Binary => Some(BinaryQuantizationBuilder::new(true).build().into()),
    }
}

/// Difference that makes a collection unusable.
#[derive(Debug)]
pub(super) enum Mismatch {
    /// The collection belongs to another program, or has another shape.
    Shape(String),
    /// The vectors belong to another model.
    Model(ModelFingerprint),
}

/// Returns the model whose vectors a collection of ours holds.
pub(super) fn stored_model(info: &CollectionInfo) -> Result<ModelFingerprint, Mismatch> {
    Ok(manifest(info)?.model)
}

fn manifest(info: &CollectionInfo) -> Result<Manifest, Mismatch> {
    let metadata = info.config.as_ref().and_then(|config| config.metadata.get(MANIFEST));
    let Some(Kind::StringValue(text)) = metadata.and_then(|value| value.kind.as_ref()) else {
        return Err(Mismatch::Shape(format!("it has no `{MANIFEST}` in its metadata")));
    };
    let manifest: Manifest = serde_json::from_str(text)
        .map_err(|error| Mismatch::Shape(format!("`{MANIFEST}` in its metadata cannot be read: {error}")))?;
    if manifest.format > FORMAT {
        let found = manifest.format;
        return Err(Mismatch::Shape(format!(
            "it has format {found}, and this version knows formats up to {FORMAT}"
        )));
    }
    if manifest.groups.is_some() {
        return Err(Mismatch::Shape(
            "it is sharded by tenant, which this version does not read: bring its contexts into another collection with the \
             `context-manager export` of the version that made it and the `context-manager import` of this one"
                .to_owned(),
        ));
    }
    Ok(manifest)
}

/// Checks that a collection is ours and holds vectors of this model.
pub(super) fn check(info: &CollectionInfo, model: &ModelFingerprint) -> Result<(), Mismatch> {
    let stored = stored_model(info)?;
    let params = info.config.as_ref().and_then(|config| config.params.as_ref());
    let dense = params
        .and_then(|params| params.vectors_config.as_ref()?.config.as_ref())
        .and_then(|config| match config {
            vectors_config::Config::ParamsMap(named) => named.map.get(DENSE),
            vectors_config::Config::Params(_) => None,
        });
    let shape = |problem: String| Err(Mismatch::Shape(problem));
    let Some(dense) = dense else {
        return shape(format!("it has no vector `{DENSE}`"));
    };
    if dense.distance() != Distance::Cosine {
        return shape(format!("its vector `{DENSE}` is not compared by cosine"));
    }
    if dense.size != stored.dimensions as u64 {
        let (size, said) = (dense.size, stored.dimensions);
        return shape(format!(
            "its vector `{DENSE}` has {size} dimensions, and its metadata says {said}"
        ));
    }
    let sparse = params.and_then(|params| params.sparse_vectors_config.as_ref()?.map.get(WORDS));
    if sparse.is_none_or(|sparse| sparse.modifier() != Modifier::None) {
        return shape(format!("it has no sparse vector `{WORDS}` without a modifier"));
    }
    for index in indexes() {
        if let Some(found) = info.payload_schema.get(index.key)
            && let Some(problem) = index.mismatch(found)
        {
            return shape(problem);
        }
    }
    if stored == *model {
        Ok(())
    } else {
        Err(Mismatch::Model(stored))
    }
}

/// Index of the payload.
pub(super) struct Index {
    /// Indexed key.
    pub(super) key: &'static str,
    kind: PayloadSchemaType,
    field: FieldType,
    params: IndexParams,
}

impl Index {
    /// Returns the request that creates the index.
    pub(super) fn create(self, collection: &str, timeout_secs: u64) -> CreateFieldIndexCollection {
        CreateFieldIndexCollection {
            collection_name: collection.to_owned(),
            wait: Some(true),
            field_name: self.key.to_owned(),
            field_type: Some(self.field.into()),
            field_index_params: Some(PayloadIndexParams {
                index_params: Some(self.params),
            }),
            ordering: None,
            timeout: Some(timeout_secs),
        }
    }

    /// Describes the difference of an existing index. A plain index of the tenant passes: it works, only slower.
    fn mismatch(&self, found: &PayloadSchemaInfo) -> Option<String> {
        (found.data_type() != self.kind).then(|| {
            let (key, found, expected) = (self.key, found.data_type().as_str_name(), self.kind.as_str_name());
            format!("its index of `{key}` is of type {found} instead of {expected}")
        })
    }
}

/// Returns the indexes of the payload. Only the tenant decides where contexts are kept and gets links of its own in the
/// vector index: every search has it, and links for all keys would make building the index five times dearer.
pub(super) fn indexes() -> impl Iterator<Item = Index> {
    key::indexes().map(|(key, index)| {
        let keyword = || KeywordIndexParamsBuilder::default().enable_hnsw(false);
        let (kind, field, params) = match index {
            key::Index::Tenant => words(KeywordIndexParamsBuilder::default().is_tenant(true)),
            key::Index::Word => words(keyword()),
            key::Index::RareWord => words(keyword().on_disk(true)),
            key::Index::RareInteger => integers(IntegerIndexParamsBuilder::new(true, false).on_disk(true)),
            // A look-up of equal numbers would be a second index.
            key::Index::Range => integers(IntegerIndexParamsBuilder::new(false, true)),
            key::Index::Float => (
                PayloadSchemaType::Float,
                FieldType::Float,
                IndexParams::FloatIndexParams(FloatIndexParamsBuilder::new().enable_hnsw(false).build()),
            ),
        };
        Index {
            key,
            kind,
            field,
            params,
        }
    })
}

fn words(params: KeywordIndexParamsBuilder) -> (PayloadSchemaType, FieldType, IndexParams) {
    let params = IndexParams::KeywordIndexParams(params.build());
    (PayloadSchemaType::Keyword, FieldType::Keyword, params)
}

fn integers(params: IntegerIndexParamsBuilder) -> (PayloadSchemaType, FieldType, IndexParams) {
    let params = IndexParams::IntegerIndexParams(params.enable_hnsw(false).build());
    (PayloadSchemaType::Integer, FieldType::Integer, params)
}
