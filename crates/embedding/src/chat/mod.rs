//! An OpenAI-compatible chat model (`POST /v1/chat/completions`) for summaries.
//!
//! It is called in background work only, within a budget of tokens per minute and through a circuit breaker of its own.
//! Callers have a fallback without an answer.
//!
//! **Invariant:** no text, token or query of a URL gets into an error or a log.

mod budget;
mod config;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{SummarizeError, Summarizer};
use context_manager_resilience::{CircuitBreaker, Deadline, Retry};
use metrics::histogram;
use reqwest::{Client, Url};
use tokio::time::Instant;

pub use config::ChatConfig;

use crate::Error;
use crate::api::{Failure, call, http_client, post};
use crate::metrics::SUMMARIZE_DURATION;
use budget::TokenBudget;
use wire::{Answer, Request};

/// A chat model behind an HTTP API.
#[derive(Debug)]
pub struct ChatModel {
    http: Client,
    url: Url,
    config: ChatConfig,
    budget: TokenBudget,
    breaker: Arc<CircuitBreaker>,
}

/// Reason for a missing summary.
#[derive(Debug, thiserror::Error)]
enum NoSummary {
    #[error("the budget of tokens for this minute is spent")]
    OverBudget,
    #[error("the chat model gave no answer")]
    Failed(#[from] Failure),
    #[error("the chat model gave an answer without a text")]
    Empty,
}

impl NoSummary {
    fn outcome(&self) -> &'static str {
        match self {
            Self::OverBudget => "over_budget",
            Self::Failed(failure) => failure.outcome(),
            Self::Empty => "garbled",
        }
    }
}

impl ChatModel {
    /// Makes a client of the service of `config`, guarded by `breaker`. Makes no call.
    ///
    /// # Errors
    /// For invalid settings.
    pub fn new(config: ChatConfig, breaker: Arc<CircuitBreaker>) -> Result<Self, Error> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(Error::Config(problems));
        }
        let url = config.endpoint().map_err(|problem| Error::Config(vec![problem]))?;
        Ok(Self {
            http: http_client(&config.connection(), url.scheme() == "https")?,
            url,
            budget: TokenBudget::new(config.tokens_per_minute),
            breaker,
            config,
        })
    }

    async fn ask(&self, texts: &[String], max_tokens: usize) -> Result<String, NoSummary> {
        let request = Request::new(&self.config.model, texts, max_tokens);
        if !self.budget.take(request.estimated_tokens()) {
            return Err(NoSummary::OverBudget);
        }
        let body = request.body();
        let deadline = Deadline::after(self.config.timeout());
        let retry = Retry {
            max_retries: self.config.max_retries,
            ..Retry::default()
        };
        let answer = call(retry, Some(&self.breaker), deadline, || self.post(&body, deadline)).await?;
        let text = answer.text().ok_or(NoSummary::Empty)?;
        Ok(text.trim().to_owned())
    }

    async fn post(&self, body: &serde_json::Value, deadline: Deadline) -> Result<Answer, Failure> {
        let answer = post(&self.http, &self.url, body, deadline.remaining(), wire::LONGEST_ANSWER).await?;
        wire::read(&answer)
    }
}

#[async_trait]
impl Summarizer for ChatModel {
    async fn summarize(&self, texts: &[String], max_tokens: usize) -> Result<String, SummarizeError> {
        let start = Instant::now();
        let answer = self.ask(texts, max_tokens).await;
        let outcome = answer.as_ref().map_or_else(NoSummary::outcome, |_text| "ok");
        histogram!(SUMMARIZE_DURATION, "outcome" => outcome).record(start.elapsed());
        answer.map_err(|error| SummarizeError(error.into()))
    }
}
