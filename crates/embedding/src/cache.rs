//! Remembering the vectors of questions: agents ask the same ones again and again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, Embedder, ModelFingerprint, QueryEmbedding};
use moka::future::Cache;
use serde::{Deserialize, Serialize};

use crate::metrics;

/// How many questions are remembered, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Whether vectors of questions are remembered at all.
    pub cache_enabled: bool,
    /// How many; the least recently used leave first.
    pub cache_size: u64,
    /// Seconds until one is forgotten.
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

/// An embedder that remembers the vectors of questions.
///
/// What is remembered depends on the text alone, so tenants may share it: an answer tells nobody whether another
/// tenant asked before, except by some microseconds.
#[derive(Debug)]
pub struct QueryCache<E> {
    inner: E,
    vectors: Option<Cache<String, Arc<Vec<f32>>>>,
}

impl<E: Embedder> QueryCache<E> {
    /// Puts a cache in front of `inner`.
    pub fn new(inner: E, config: &CacheConfig) -> Self {
        let cache = || {
            Cache::builder()
                .max_capacity(config.cache_size)
                .time_to_live(Duration::from_secs(config.cache_ttl_secs))
                .build()
        };
        Self {
            inner,
            vectors: config.cache_enabled.then(cache),
        }
    }
}

#[async_trait]
impl<E: Embedder> Embedder for QueryCache<E> {
    fn fingerprint(&self) -> &ModelFingerprint {
        self.inner.fingerprint()
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.inner.embed_documents(texts).await
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let Some(vectors) = &self.vectors else {
            return self.inner.embed_query(text).await;
        };
        if let Some(vector) = vectors.get(text).await {
            ::metrics::counter!(metrics::CACHE_HITS, "cache" => "query_embedding").increment(1);
            return Ok(QueryEmbedding {
                vector: vector.to_vec(),
                cached: true,
            });
        }
        ::metrics::counter!(metrics::CACHE_MISSES, "cache" => "query_embedding").increment(1);
        let embedding = self.inner.embed_query(text).await?;
        vectors
            .insert(text.to_owned(), Arc::new(embedding.vector.clone()))
            .await;
        Ok(embedding)
    }

    fn embed_weighted(&self, words: &[(&str, f32)]) -> Option<Vec<f32>> {
        self.inner.embed_weighted(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BuiltIn;

    #[tokio::test]
    async fn the_least_recently_used_question_is_forgotten() {
        let config = CacheConfig {
            cache_size: 2,
            ..CacheConfig::default()
        };
        let embedder = QueryCache::new(BuiltIn::load().unwrap(), &config);
        for question in ["a", "b", "c", "d", "e"] {
            embedder.embed_query(question).await.unwrap();
        }
        let cache = embedder.vectors.as_ref().unwrap();
        cache.run_pending_tasks().await;
        assert_eq!(cache.entry_count(), 2);
    }

    #[tokio::test]
    async fn without_a_cache_nothing_is_remembered() {
        let config = CacheConfig {
            cache_enabled: false,
            ..CacheConfig::default()
        };
        let embedder = QueryCache::new(BuiltIn::load().unwrap(), &config);
        embedder.embed_query("a").await.unwrap();
        assert!(!embedder.embed_query("a").await.unwrap().cached);
    }
}
