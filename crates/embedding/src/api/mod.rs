//! OpenAI-compatible embedding services (`POST /v1/embeddings`): OpenAI, TEI, Ollama, vLLM and others.
//!
//! - `config`: settings; `http`: trusted certificates and default headers.
//! - `endpoint`: one HTTP call; `wire`: its request and answer; `failure`: its failures.
//! - `client`: calls with retries; `misconfigured`: the log of answers that point to wrong settings.
//! - `identity` and `sketch`: comparison of the model with that of the stored data.
//! - `builder`: the first call, at start.
//!
//! **Invariant:** a vector that leaves this module has the size of the fingerprint, only finite numbers, and comes from
//! a model that was compared with the fingerprint. No text, token or query of a URL gets into an error or a log.

mod builder;
mod client;
mod config;
mod endpoint;
mod failure;
mod http;
mod identity;
mod misconfigured;
mod sketch;
mod wire;

use async_trait::async_trait;
use context_manager_core::ports::{EmbedError, Embedder, ModelFingerprint, QueryEmbedding};

pub use builder::Builder;
pub use config::ApiConfig;
// Shared with `chat` and `rerank`.
pub(crate) use client::call;
pub(crate) use config::complete;
pub(crate) use endpoint::post;
pub(crate) use failure::Failure;
pub(crate) use http::client as http_client;
pub(crate) use misconfigured::Misconfigured;
pub(crate) use wire::in_order;

use crate::batching::BatchEmbedder;
use crate::kind::Kind;
use crate::probe::PROBE_TEXT;
use client::Client;
use identity::Identity;

/// A model behind an HTTP API.
///
/// Vectors are returned unchanged, normalised or not. Proxies of the environment (`HTTPS_PROXY`, `NO_PROXY`) are used;
/// redirects are not followed, as they would receive the token.
#[derive(Debug)]
pub struct OpenAiCompatible {
    client: Client,
    identity: Identity,
    batch_size: usize,
    document_prefix: String,
    query_prefix: String,
}

impl OpenAiCompatible {
    /// Verifies the model of the service, if it was unavailable at start.
    async fn verify(&self) -> Result<(), EmbedError> {
        if let Some(verdict) = self.identity.verdict() {
            return verdict;
        }
        let vector = probe(&self.client, &self.document_prefix).await?;
        self.identity.verify(&vector)
    }

    async fn embed(&self, kind: Kind, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        if let Err(error) = self.verify().await {
            return vec![Err(error); texts.len()];
        }
        let prefix = match kind {
            Kind::Document => &self.document_prefix,
            Kind::Query => &self.query_prefix,
        };
        let texts: Vec<_> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let mut results = Vec::with_capacity(texts.len());
        // Remaining parts, the next one last.
        let mut parts: Vec<_> = texts.chunks(self.batch_size).rev().collect();
        while let Some(part) = parts.pop() {
            match self.client.call(part, Some(self.fingerprint().dimensions)).await {
                Ok(vectors) => results.extend(vectors.into_iter().map(|vector| vector.map_err(EmbedError::from))),
                Err(failure) if failure.is_refusal() && part.len() > 1 => {
                    // Halved until a bad text is alone.
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(failure) if failure.is_refusal() => results.push(Err(failure.into())),
                Err(failure) => {
                    // The remaining parts would fail as slowly.
                    results.resize(texts.len(), Err(failure.into()));
                    break;
                }
            }
        }
        results
    }
}

#[async_trait]
impl Embedder for OpenAiCompatible {
    fn fingerprint(&self) -> &ModelFingerprint {
        self.identity.fingerprint()
    }

    async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.embed(Kind::Document, texts).await
    }

    async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
        let mut vectors = self.embed(Kind::Query, &[text.to_owned()]).await;
        let vector = vectors.pop().expect("there is one result for each text")?;
        Ok(QueryEmbedding::new(vector))
    }
}

#[async_trait]
impl BatchEmbedder for OpenAiCompatible {
    fn batch_size(&self) -> usize {
        self.batch_size
    }

    async fn embed_queries(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
        self.embed(Kind::Query, texts).await
    }
}

/// Requests the vector of the probe, of any size.
async fn probe(client: &Client, document_prefix: &str) -> Result<Vec<f32>, EmbedError> {
    let mut vectors = client.call(&[format!("{document_prefix}{PROBE_TEXT}")], None).await?;
    Ok(vectors.pop().expect("there is one vector for each text")?)
}
