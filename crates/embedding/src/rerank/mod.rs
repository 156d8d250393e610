//! Reranking services: Text Embeddings Inference, Cohere, Jina, and those that answer as one of them.
//!
//! **Invariant:** each text has one finite score. No text, token or query of a URL gets into an error or a log.

mod config;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::{RerankError, Reranker};
use context_manager_resilience::{CircuitBreaker, Deadline, Retry};
use metrics::histogram;
use reqwest::{Client, Url};
use tokio::time::Instant;

pub use config::{RerankConfig, RerankForm};

use crate::Error;
use crate::api::{Failure, Misconfigured, call, http_client, post};
use crate::metrics::RERANK_DURATION;
use wire::{Wire, longest_answer};

/// One retry: a search waits.
const RETRY: Retry = Retry {
    max_retries: 1,
    backoff_ms: 50,
    max_backoff_ms: 50,
};

/// A cross-encoder behind an HTTP API.
#[derive(Debug)]
pub struct HttpReranker {
    http: Client,
    url: Url,
    wire: Wire,
    model: String,
    timeout: Duration,
    breaker: Arc<CircuitBreaker>,
    misconfigured: Misconfigured,
}

impl HttpReranker {
    /// Makes a client of the service of `config`, guarded by `breaker`. Makes no call.
    ///
    /// # Errors
    /// For invalid settings.
    pub fn new(config: &RerankConfig, breaker: Arc<CircuitBreaker>) -> Result<Self, Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config(problems));
        }
        let (url, wire) = config.endpoint().map_err(|problem| Error::Config(vec![problem]))?;
        Ok(Self {
            http: http_client(&config.connection(), url.scheme() == "https")?,
            url,
            wire,
            model: config.model.clone(),
            timeout: config.timeout(),
            breaker,
            misconfigured: Misconfigured::default(),
        })
    }

    async fn ask(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>, Failure> {
        let deadline = Deadline::after(self.timeout);
        let request = self.wire.request(&self.model, question, texts);
        let longest = longest_answer(texts);
        let ask = async || {
            // Ends at the deadline by itself, so that the circuit breaker sees it.
            let answer = post(&self.http, &self.url, &request, deadline.remaining(), longest).await?;
            self.wire.read(&answer, texts.len())
        };
        call(RETRY, Some(&self.breaker), deadline, ask).await
    }
}

#[async_trait]
impl Reranker for HttpReranker {
    async fn rerank(&self, question: &str, texts: &[&str]) -> Result<Vec<f32>, RerankError> {
        let start = Instant::now();
        let answer = self.ask(question, texts).await;
        let outcome = answer.as_ref().map_or_else(Failure::outcome, |_scores| "ok");
        histogram!(RERANK_DURATION, "provider" => "api", "outcome" => outcome).record(start.elapsed());
        self.misconfigured
            .note("reranking service", &self.url, answer.as_ref().err());
        answer.map_err(|failure| RerankError(failure.into()))
    }
}
