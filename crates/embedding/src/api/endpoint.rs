//! One HTTP call.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use metrics::{counter, histogram};
use opentelemetry::global;
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use serde::Serialize;
use tokio::time::Instant;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::config::{ApiConfig, endpoint};
use super::failure::Failure;
use super::http;
use super::wire::{self, BadVector, Garbled, Request};
use crate::{Error, metrics::DURATION, metrics::TEXTS};

/// Target of requests, and the parts they have in common.
#[derive(Debug)]
pub(super) struct Endpoint {
    http: Client,
    url: Url,
    model: String,
    dimensions: Option<usize>,
}

impl Endpoint {
    pub(super) fn new(config: &ApiConfig) -> Result<Self, Error> {
        let problem = |problem| Error::Config(vec![problem]);
        let url = config.api_url.as_deref().unwrap_or_default();
        let url = endpoint(url).map_err(problem)?;
        Ok(Self {
            http: http::client(config, url.scheme() == "https")?,
            url,
            model: config.model.clone(),
            dimensions: config.dimensions,
        })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Requests the vectors of `texts` once and returns them in order, all of the size `expected` if it is known.
    #[tracing::instrument(level = "debug", name = "embedding_request", skip_all, fields(texts = texts.len(), outcome))]
    pub(super) async fn ask(
        &self,
        texts: &[String],
        expected: Option<usize>,
        timeout: Duration,
    ) -> Result<Vec<Result<Vec<f32>, BadVector>>, Failure> {
        let start = Instant::now();
        let answer = self.call(texts, expected, timeout).await;
        let outcome = answer.as_ref().map_or_else(Failure::outcome, |_vectors| "ok");
        tracing::Span::current().record("outcome", outcome);
        histogram!(DURATION, "provider" => "api", "outcome" => outcome).record(start.elapsed());
        counter!(TEXTS, "provider" => "api").increment(texts.len() as u64);
        answer
    }

    async fn call(
        &self,
        texts: &[String],
        expected: Option<usize>,
        timeout: Duration,
    ) -> Result<Vec<Result<Vec<f32>, BadVector>>, Failure> {
        let request = Request {
            model: &self.model,
            input: texts,
            dimensions: self.dimensions,
        };
        let longest = wire::longest_answer(texts.len(), expected);
        let body = post(&self.http, &self.url, &request, timeout, longest).await?;
        Ok(wire::read(&body, texts.len(), expected)?)
    }
}

/// Returns a URL without its query, which may hold a key.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}

/// Posts JSON, and returns the body of the answer, at most `longest` bytes.
pub(crate) async fn post(
    http: &Client,
    url: &Url,
    json: &impl Serialize,
    timeout: Duration,
    longest: usize,
) -> Result<Vec<u8>, Failure> {
    let request = http.post(url.clone()).timeout(timeout).headers(trace_headers());
    let response = request.json(json).send().await?;
    let status = response.status();
    if !status.is_success() {
        // The body is not read, as it may repeat the texts.
        let retry_after = retry_after(response.headers());
        return Err(Failure::Status { status, retry_after });
    }
    whole_body(response, longest).await
}

/// Returns the headers that propagate the trace, empty without one.
fn trace_headers() -> HeaderMap {
    let mut carrier = HashMap::new();
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
    let headers = carrier.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_str(value).ok()?;
        Some((name, value))
    });
    headers.collect()
}

/// Reads the body of an answer of at most `longest` bytes.
async fn whole_body(mut response: Response, longest: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > longest {
            return Err(Garbled::TooLong(longest).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads `Retry-After` as seconds, or as a date relative to the service's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date =
        |name: HeaderName| -> Option<SystemTime> { httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok() };
    Some(date(RETRY_AFTER)?.duration_since(date(DATE)?).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_date() {
        let wait = |pairs: &[(HeaderName, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
            retry_after(&pairs.collect())
        };
        let (now, later) = ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:20 GMT");
        assert_eq!(wait(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            wait(&[(RETRY_AFTER, later), (DATE, now)]),
            Some(Duration::from_secs(20))
        );
        assert_eq!(wait(&[(RETRY_AFTER, now), (DATE, later)]), Some(Duration::ZERO));
        assert_eq!(wait(&[(RETRY_AFTER, later)]), None);
        assert_eq!(wait(&[(RETRY_AFTER, "soon"), (DATE, now)]), None);
        assert_eq!(wait(&[]), None);
    }
}
