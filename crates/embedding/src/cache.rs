//! A cache of vectors: agents repeat their questions.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::TenantId;
use context_manager_core::ports::{EmbedError, Embedder, ModelFingerprint, OnWrite, QueryEmbedding};
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
    /// Maximum number of vectors; the least recently used are evicted first.
    pub cache_size: u64,
    /// Lifetime of a vector in seconds.
    pub cache_ttl_secs: u64,
}

impl Default for CacheConfig {
    /// 10,000 vectors of 256 dimensions take some 12 MB.
    fn default() -> Self {
        Self {
            cache_enabled: true,
            cache_size: 10_000,
            cache_ttl_secs: 3600,
        }
    }
}

/// An embedder that caches vectors, but no failures.
///
/// Each tenant has entries of its own: otherwise a quick answer would reveal that another tenant has the same text.
#[derive(Debug)]
pub struct Cached<E> {
    inner: E,
    documents: bool,
    vectors: Option<Cache<Key, Arc<Vec<f32>>>>,
    /// Hash of the model's fingerprint, the prefix of every key.
    model: Sha256,
}

/// Hash of model, tenant, kind and text: short, and keeps no text in memory.
type Key = [u8; 32];

impl<E: Embedder> Cached<E> {
    /// Caches questions only, for an embedder as fast as the cache on documents.
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
                .max_capacity(config.cache_size)
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
            let vector = find(vectors, &self.key(tenant, Kind::Document, text), "document_embedding").await;
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
                vectors.insert(key, Arc::new(vector.clone())).await;
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
        if let Some(vector) = find(vectors, &key, "query_embedding").await {
            return Ok(QueryEmbedding {
                cached: true,
                ..QueryEmbedding::new(vector)
            });
        }
        let embedding = self.inner.embed_query(text).await?;
        vectors.insert(key, Arc::new(embedding.vector.clone())).await;
        Ok(embedding)
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

    fn knows(&self, text: &str) -> f32 {
        self.inner.knows(text)
    }
}

async fn find(vectors: &Cache<Key, Arc<Vec<f32>>>, key: &Key, label: &'static str) -> Option<Vec<f32>> {
    let vector = vectors.get(key).await;
    let metric = if vector.is_some() {
        metrics::CACHE_HITS
    } else {
        metrics::CACHE_MISSES
    };
    ::metrics::counter!(metric, "cache" => label).increment(1);
    vector.map(|vector| vector.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BuiltIn;

    #[tokio::test]
    async fn the_least_recently_used_question_is_evicted() {
        let config = CacheConfig {
            cache_size: 2,
            ..CacheConfig::default()
        };
        let embedder = Cached::queries(BuiltIn::load().unwrap(), &config);
        for question in ["a", "b", "c", "d", "e"] {
            embedder.embed_query(question).await.unwrap();
        }
        let cache = embedder.vectors.as_ref().unwrap();
        cache.run_pending_tasks().await;
        assert_eq!(cache.entry_count(), 2);
    }

    #[tokio::test]
    async fn tenants_share_no_entries() {
        let embedder = Cached::queries(BuiltIn::load().unwrap(), &CacheConfig::default());
        let [one, other] = ["a", "b"].map(|name| TenantId::try_new(name).unwrap());
        for (tenant, cached) in [(&one, false), (&one, true), (&other, false), (&one, true)] {
            let embedding = embedder.embed_query_of(tenant, "q").await.unwrap();
            assert_eq!(embedding.cached, cached, "{tenant:?}");
        }
    }
}
