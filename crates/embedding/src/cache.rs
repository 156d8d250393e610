//! A cache of vectors: agents repeat their questions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::TenantId;
use context_manager_core::ports::{
    CosineScale, EmbedError, Embedder, ModelFingerprint, OnWrite, Piece, QueryEmbedding,
};
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::kind::Kind;
use crate::metrics;

/// Settings of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheConfig {
    /// Enables the cache.
    pub cache_enabled: bool,
    /// Maximum size of the vectors in bytes; the least recently used are evicted first.
    pub cache_bytes: u64,
    /// Lifetime of a vector in seconds.
    pub cache_ttl_secs: u64,
}

impl Default for CacheConfig {
    /// Room for some 2,000 questions of 10 tokens with the vectors of their tokens, or 20,000 vectors of 256 dimensions.
    fn default() -> Self {
        Self {
            cache_enabled: true,
            cache_bytes: 32 * 1024 * 1024,
            cache_ttl_secs: 3600,
        }
    }
}

/// An embedder that caches vectors, but no failures. A question that is asked again while it is being embedded waits for the
/// first answer.
///
/// Each tenant has entries of its own: otherwise a quick answer would reveal that another tenant has the same text.
#[derive(Debug)]
pub struct Cached<E> {
    inner: E,
    documents: bool,
    vectors: Option<Cache<Key, Arc<QueryEmbedding>>>,
    /// Hash of the model's fingerprint, the prefix of every key.
    model: Sha256,
}

/// Size of an empty entry with its key in the cache, approximately.
const ENTRY: usize = 256;

/// Hash of model, tenant, kind and text: short, and keeps no text in memory.
type Key = [u8; 32];

impl<E: Embedder> Cached<E> {
    /// Caches questions only, for an embedder in the process: a document is rarely embedded twice.
    pub fn queries(inner: E, config: &CacheConfig) -> Self {
        Self::new(inner, config, false)
    }

    /// Caches questions and documents, separately, for an embedder that calls a service.
    pub fn all(inner: E, config: &CacheConfig) -> Self {
        Self::new(inner, config, true)
    }

    fn new(inner: E, config: &CacheConfig, documents: bool) -> Self {
        let cache = || {
            Cache::builder()
                .max_capacity(config.cache_bytes)
                .weigher(|_key: &Key, embedding: &Arc<QueryEmbedding>| size(embedding))
                .time_to_live(Duration::from_secs(config.cache_ttl_secs))
                .build()
        };
        let ModelFingerprint {
            name,
            dimensions,
            probe,
        } = inner.fingerprint();
        let model = Sha256::new_with_prefix(format!("{name}\0{dimensions}\0{probe}\0"));
        Self {
            inner,
            documents,
            vectors: config.cache_enabled.then(cache),
            model,
        }
    }

    fn key(&self, tenant: Option<&TenantId>, kind: Kind, text: &str) -> Key {
        let kind = match kind {
            Kind::Document => "d",
            Kind::Query => "q",
        };
        // No tenant's name is empty or holds a NUL.
        self.model
            .clone()
            .chain_update(kind)
            .chain_update(tenant.map_or("", TenantId::as_str))
            .chain_update([0])
            .chain_update(text)
            .finalize()
            .into()
    }

    async fn documents(&self, tenant: Option<&TenantId>, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        let Some(vectors) = self.vectors.as_ref().filter(|_| self.documents) else {
            return self.inner.embed_documents(texts).await;
        };
        let mut found = Vec::with_capacity(texts.len());
        let mut missing = Vec::new();
        for text in texts {
            let vector = vectors.get(&self.key(tenant, Kind::Document, text)).await;
            let vector = vector.map(|embedding| embedding.vector.clone());
            count(vector.is_some(), "document_embedding");
            if vector.is_none() {
                missing.push(text.clone());
            }
            found.push(vector);
        }
        let embedded = match missing.as_slice() {
            [] => Vec::new(),
            missing => self.inner.embed_documents(missing).await,
        };
        for (text, vector) in missing.iter().zip(&embedded) {
            if let Ok(vector) = vector {
                let key = self.key(tenant, Kind::Document, text);
                vectors.insert(key, Arc::new(QueryEmbedding::new(vector.clone()))).await;
            }
        }
        let mut embedded = embedded.into_iter();
        let or_embedded = |vector: Option<Vec<f32>>| vector.map(Ok).or_else(|| embedded.next());
        found.into_iter().filter_map(or_embedded).collect()
    }

    async fn query(&self, tenant: Option<&TenantId>, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let Some(vectors) = &self.vectors else {
            return self.inner.embed_query(text).await;
        };
        let key = self.key(tenant, Kind::Query, text);
        let embed = async { self.inner.embed_query(text).await.map(Arc::new) };
        let entry = vectors.entry(key).or_try_insert_with(embed).await;
        let entry = entry.map_err(|error: Arc<EmbedError>| EmbedError::clone(&error))?;
        count(!entry.is_fresh(), "query_embedding");
        Ok(QueryEmbedding {
            cached: !entry.is_fresh(),
            ..entry.value().as_ref().clone()
        })
    }
}

#[async_trait]
impl<E: Embedder> Embedder for Cached<E> {
    fn fingerprint(&self) -> &ModelFingerprint {
        self.inner.fingerprint()
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.documents(None, texts).await
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        self.query(None, text).await
    }

    async fn embed_documents_of(&self, tenant: &TenantId, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.documents(Some(tenant), texts).await
    }

    async fn embed_query_of(&self, tenant: &TenantId, text: &str) -> Result<QueryEmbedding, EmbedError> {
        self.query(Some(tenant), text).await
    }

    fn on_write(&self) -> OnWrite {
        self.inner.on_write()
    }

    fn scale(&self) -> CosineScale {
        self.inner.scale()
    }

    fn knows(&self, text: &str) -> f32 {
        self.inner.knows(text)
    }
}

fn count(hit: bool, label: &'static str) {
    let metric = if hit {
        metrics::CACHE_HITS
    } else {
        metrics::CACHE_MISSES
    };
    ::metrics::counter!(metric, "cache" => label).increment(1);
}

/// Returns the approximate size of an entry in bytes.
fn size(embedding: &QueryEmbedding) -> u32 {
    let numbers = |vector: &Vec<f32>| size_of_val(vector.as_slice());
    let pieces = embedding.pieces.iter();
    let pieces = pieces
        .map(|piece| size_of::<Piece>() + numbers(&piece.vector))
        .sum::<usize>();
    let bytes = ENTRY + size_of::<QueryEmbedding>() + numbers(&embedding.vector) + pieces;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StaticTable;

    #[tokio::test]
    async fn the_least_recently_used_question_is_evicted() {
        let config = CacheConfig {
            // Room for two vectors of 256 dimensions.
            cache_bytes: 3000,
            ..CacheConfig::default()
        };
        let embedder = Cached::queries(StaticTable::load().unwrap(), &config);
        for question in ["a", "b", "c", "d", "e"] {
            embedder.embed_query(question).await.unwrap();
        }
        let cache = embedder.vectors.as_ref().unwrap();
        cache.run_pending_tasks().await;
        assert_eq!(cache.entry_count(), 2);
    }

    #[test]
    fn pieces_count_to_the_size() {
        let plain = QueryEmbedding::new(vec![0.0; 256]);
        let piece = Piece {
            range: 0..1,
            vector: vec![0.0; 256],
        };
        let pieces = vec![piece; 10];
        let with_pieces = QueryEmbedding {
            pieces,
            ..plain.clone()
        };
        assert!(size(&with_pieces) - size(&plain) > 10 * 1024);
    }

    #[tokio::test]
    async fn tenants_share_no_entries() {
        let embedder = Cached::queries(StaticTable::load().unwrap(), &CacheConfig::default());
        let [one, other] = ["a", "b"].map(|name| TenantId::try_new(name).unwrap());
        for (tenant, cached) in [(&one, false), (&one, true), (&other, false), (&one, true)] {
            let embedding = embedder.embed_query_of(tenant, "q").await.unwrap();
            assert_eq!(embedding.cached, cached, "{tenant:?}");
        }
    }
}
