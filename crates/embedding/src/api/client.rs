//! Calls with retries, within a deadline and through a circuit breaker.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use context_manager_resilience::{CallError, CircuitBreaker, Deadline, Retry, Verdict};

use super::config::ApiConfig;
use super::endpoint::{Endpoint, shown};
use super::failure::Failure;
use super::misconfigured::Misconfigured;
use super::wire::BadVector;
use crate::{Error, metrics};

/// Vectors of the texts of one request, in their order.
type Vectors = Vec<Result<Vec<f32>, BadVector>>;

/// Client of the service.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: Endpoint,
    breaker: Option<Arc<CircuitBreaker>>,
    retry: Retry,
    /// Timeout of one request, retries included.
    timeout: Duration,
    misconfigured: Misconfigured,
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
            misconfigured: Misconfigured::default(),
        })
    }

    /// Returns the URL without its query.
    pub(super) fn endpoint(&self) -> String {
        shown(self.endpoint.url())
    }

    /// Returns the vectors of `texts`, which are few enough for one request.
    pub(super) async fn call(&self, texts: &[String], expected: Option<usize>) -> Result<Vectors, Failure> {
        let deadline = Deadline::after(self.timeout);
        let mut again = false;
        let ask = || {
            if again {
                ::metrics::counter!(metrics::RETRIES, "provider" => "api").increment(1);
            }
            again = true;
            // Ends at the deadline by itself, so that the circuit breaker sees it.
            self.endpoint.ask(texts, expected, deadline.remaining())
        };
        let answer = call(self.retry, self.breaker.as_deref(), deadline, ask).await;
        let failure = answer.as_ref().err();
        self.misconfigured
            .note("embedding service", self.endpoint.url(), failure);
        answer
    }
}

/// Calls a service with retries until `deadline`, each attempt through `breaker`.
pub(crate) async fn call<T, F: Future<Output = Result<T, Failure>>>(
    retry: Retry,
    breaker: Option<&CircuitBreaker>,
    deadline: Deadline,
    mut ask: impl FnMut() -> F,
) -> Result<T, Failure> {
    let verdict = |failure: &Failure| {
        if failure.is_worth_another_try() {
            Verdict::Retry(failure.retry_after())
        } else {
            Verdict::GiveUp
        }
    };
    let attempt = || {
        let ask = ask();
        async move {
            let Some(breaker) = breaker else {
                return ask.await;
            };
            let answer = breaker.call(ask, Failure::is_outage).await;
            answer.map_err(|error| match error {
                CallError::Open(open) => open.into(),
                CallError::Failed(failure) => failure,
            })
        }
    };
    retry.run(deadline, verdict, attempt).await
}
