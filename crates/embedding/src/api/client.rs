//! Calls that are tried again, as far as the service and the time allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use context_manager_resilience::{CallError, CircuitBreaker, Deadline, Retry, Verdict};

use super::config::ApiConfig;
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::wire::BadVector;
use crate::{Error, metrics};

/// The vectors of the texts of one request, in their order.
type Vectors = Vec<Result<Vec<f32>, BadVector>>;

/// The service, asked patiently.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: Endpoint,
    breaker: Option<Arc<CircuitBreaker>>,
    retry: Retry,
    /// For one request with all that is tried again.
    timeout: Duration,
    /// The last status that only a change of settings can put right, or 0: one that stays is logged once.
    misconfigured: AtomicU16,
}

impl Client {
    pub(super) fn new(config: &ApiConfig, breaker: Option<Arc<CircuitBreaker>>) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::new(config)?,
            breaker,
            retry: Retry {
                max_retries: config.max_retries,
                ..Retry::default()
            },
            timeout: config.timeout(),
            misconfigured: AtomicU16::new(0),
        })
    }

    /// The URL without its query.
    pub(super) fn endpoint(&self) -> String {
        self.endpoint.shown()
    }

    /// The vectors of `texts`, which are few enough for one request.
    pub(super) async fn call(&self, texts: &[String], expected: Option<usize>) -> Result<Vectors, Failure> {
        let deadline = Deadline::after(self.timeout);
        let mut again = false;
        let attempt = || {
            if again {
                ::metrics::counter!(metrics::RETRIES, "provider" => "api").increment(1);
            }
            again = true;
            self.attempt(texts, expected, deadline)
        };
        let answer = self.retry.run(deadline, verdict, attempt).await;
        self.note(answer.as_ref().err());
        answer
    }

    async fn attempt(&self, texts: &[String], expected: Option<usize>, deadline: Deadline) -> Result<Vectors, Failure> {
        // The deadline is the attempt's own affair, so that the circuit learns of it.
        let ask = self.endpoint.ask(texts, expected, deadline.remaining());
        let Some(breaker) = &self.breaker else {
            return ask.await;
        };
        breaker
            .call(ask, Failure::is_outage)
            .await
            .map_err(|error| match error {
                CallError::Open(open) => open.into(),
                CallError::Failed(failure) => failure,
            })
    }

    fn note(&self, failure: Option<&Failure>) {
        let status = failure.and_then(Failure::misconfigured);
        let code = status.map_or(0, |status| status.as_u16());
        if self.misconfigured.swap(code, Ordering::Relaxed) != code
            && let Some(status) = status
        {
            tracing::error!(
                http.status = code,
                "the embedding service at {} answered {status}: check `api_url`, `api_token` and `model`; redirects are \
                 not followed",
                self.endpoint()
            );
        }
    }
}

fn verdict(failure: &Failure) -> Verdict {
    if failure.is_worth_another_try() {
        Verdict::Retry(failure.retry_after())
    } else {
        Verdict::GiveUp
    }
}
