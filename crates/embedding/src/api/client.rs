//! Calls that are tried again, as far as the service and the time allow.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use super::config::ApiConfig;
use super::endpoint::Endpoint;
use super::failure::Failure;
use super::wire::BadVector;
use crate::Error;

/// The service, asked patiently.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: Endpoint,
    timeout: Duration,
    /// The last status that only a change of settings can put right, or 0: one that stays is logged once.
    misconfigured: AtomicU16,
}

impl Client {
    pub(super) fn new(config: &ApiConfig) -> Result<Self, Error> {
        Ok(Self {
            endpoint: Endpoint::new(config)?,
            timeout: config.timeout(),
            misconfigured: AtomicU16::new(0),
        })
    }

    /// The URL without its query.
    pub(super) fn endpoint(&self) -> String {
        self.endpoint.shown()
    }

    /// The vectors of `texts`, which are few enough for one request, in their order.
    pub(super) async fn call(
        &self,
        texts: &[String],
        expected: Option<usize>,
    ) -> Result<Vec<Result<Vec<f32>, BadVector>>, Failure> {
        let answer = self.endpoint.ask(texts, expected, self.timeout).await;
        self.note(answer.as_ref().err());
        answer
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
