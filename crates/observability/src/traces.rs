//! Traces of requests, exported to an `OpenTelemetry` collector.
//!
//! Off unless an endpoint is configured. A caller's trace is continued, and propagated to the services called. Spans that
//! cannot be exported in time are dropped, so a collector that is down slows no request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId, TracerProvider};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SamplingResult, SdkTracerProvider, ShouldSample,
};
use serde::{Deserialize, Serialize};
use tracing::{Level, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use crate::Error;

/// Path of traces below the base URL of a collector.
const PATH: &str = "/v1/traces";
/// Prefix of this workspace's own targets; spans of libraries are not exported.
const OWN: &str = "context_manager";

/// Set once traces are exported; without them, no header is parsed.
static ON: AtomicBool = AtomicBool::new(false);

/// Settings of traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Base URL of a collector for OTLP over HTTP, such as `http://127.0.0.1:4318`. Without it no traces are exported.
    pub otlp_endpoint: Option<String>,
    /// Service name in traces.
    pub service_name: String,
    /// Share of requests that are traced, 0 to 1, unless the caller decided in `traceparent`.
    pub sampling_ratio: f64,
    /// Maximum number of queued spans; more are dropped.
    pub queue_size: usize,
    /// Milliseconds between exports of the queue.
    pub export_interval_ms: u64,
    /// Timeout of an export in milliseconds.
    pub export_timeout_ms: u64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            service_name: "context-manager".to_owned(),
            sampling_ratio: 0.1,
            queue_size: 4096,
            export_interval_ms: 1000,
            export_timeout_ms: 5000,
        }
    }
}

impl TelemetryConfig {
    /// Returns every problem, each as `key: expectation`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(endpoint) = &self.otlp_endpoint
            && !(endpoint.starts_with("http://") || endpoint.starts_with("https://"))
        {
            problems.push("otlp_endpoint: must begin with http:// or https://".to_owned());
        }
        if !(0.0..=1.0).contains(&self.sampling_ratio) {
            problems.push("sampling_ratio: must be from 0 to 1".to_owned());
        }
        let at_least_one = [
            ("queue_size", self.queue_size as u64),
            ("export_interval_ms", self.export_interval_ms),
            ("export_timeout_ms", self.export_timeout_ms),
        ];
        let zero = at_least_one.iter().filter(|(_, value)| *value == 0);
        problems.extend(zero.map(|(key, _)| format!("{key}: must be at least 1")));
        problems
    }

    fn url(&self) -> Option<String> {
        let endpoint = self.otlp_endpoint.as_ref()?.trim_end_matches('/');
        Some(if endpoint.ends_with(PATH) {
            endpoint.to_owned()
        } else {
            format!("{endpoint}{PATH}")
        })
    }

    fn export_timeout(&self) -> Duration {
        Duration::from_millis(self.export_timeout_ms)
    }
}

/// Exporter of traces.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    timeout: Duration,
}

impl Traces {
    /// Starts the export thread if an endpoint is configured. Not within a tokio runtime: the thread has its own.
    pub(crate) fn start(config: &TelemetryConfig) -> Result<Option<Self>, Error> {
        let Some(url) = config.url() else {
            return Ok(None);
        };
        // A provider installed earlier stays.
        let _already_chosen = rustls::crypto::ring::default_provider().install_default();
        let timeout = config.export_timeout();
        let client = reqwest::blocking::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Traces(error.into()))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(url)
            .with_timeout(timeout)
            .build()
            .map_err(|error| Error::Traces(error.into()))?;
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(config.queue_size)
            .with_scheduled_delay(Duration::from_millis(config.export_interval_ms))
            .build();
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batch).build())
            .with_sampler(Sampler::ParentBased(Box::new(RequestsOnly(
                Sampler::TraceIdRatioBased(config.sampling_ratio),
            ))))
            .with_resource(resource)
            .build();
        global::set_text_map_propagator(TraceContextPropagator::new());
        ON.store(true, Ordering::Relaxed);
        Ok(Some(Self { provider, timeout }))
    }

    /// Returns the layer that turns spans into traces.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(OWN))
            .with_location(false)
            .with_threads(false)
            .with_filter(filter_fn(|metadata| {
                metadata.target().starts_with(OWN) && *metadata.level() <= Level::DEBUG
            }))
    }

    /// Exports the queue and stops.
    pub(crate) fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(self.timeout) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Starts traces at requests only: background work belongs to no request and would give traces of one span.
#[derive(Debug, Clone)]
struct RequestsOnly(Sampler);

impl ShouldSample for RequestsOnly {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let sampler = match kind {
            SpanKind::Server => &self.0,
            SpanKind::Client | SpanKind::Producer | SpanKind::Consumer | SpanKind::Internal => &Sampler::AlwaysOff,
        };
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

/// Adds `span` to the trace of the request's `traceparent`, or starts a trace, and records its `trace_id` for the logs.
/// `span` has the empty fields `otel.name`, `otel.kind` and `trace_id`.
pub fn continue_trace<'a>(span: &Span, name: impl FnOnce() -> String, header: impl Fn(&str) -> Option<&'a str>) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    span.record("otel.name", name());
    span.record("otel.kind", "server");
    let carried: HashMap<String, String> = ["traceparent", "tracestate"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), header(name)?.to_owned())))
        .collect();
    let parent = TraceContextPropagator::new().extract(&carried);
    if parent.span().span_context().is_valid() {
        // Fails only for a span without a trace.
        let _not_traced = span.set_parent(parent);
    }
    let trace_id = span.context().span().span_context().trace_id();
    if trace_id != TraceId::INVALID {
        span.record("trace_id", tracing::field::display(trace_id));
    }
}

/// Marks `span` as failed in its trace.
pub fn mark_failed(span: &Span) {
    if ON.load(Ordering::Relaxed) {
        span.set_status(opentelemetry::trace::Status::error(""));
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::trace::SamplingDecision;

    use super::*;

    #[test]
    fn traces_go_to_the_path_of_the_protocol() {
        let url = |endpoint: &str| {
            let config = TelemetryConfig {
                otlp_endpoint: Some(endpoint.to_owned()),
                ..TelemetryConfig::default()
            };
            config.url().unwrap()
        };
        assert_eq!(url("http://collector:4318"), "http://collector:4318/v1/traces");
        assert_eq!(url("http://collector:4318/"), "http://collector:4318/v1/traces");
        assert_eq!(url("https://x/otlp/v1/traces"), "https://x/otlp/v1/traces");
        assert_eq!(TelemetryConfig::default().url(), None);
    }

    #[test]
    fn every_problem_is_listed() {
        assert_eq!(TelemetryConfig::default().problems(), Vec::<String>::new());
        let config = TelemetryConfig {
            otlp_endpoint: Some("collector:4318".to_owned()),
            sampling_ratio: 2.0,
            queue_size: 0,
            ..TelemetryConfig::default()
        };
        assert_eq!(config.problems().len(), 3);
    }

    #[test]
    fn only_requests_start_a_trace() {
        let sampler = RequestsOnly(Sampler::AlwaysOn);
        let decision = |kind| {
            let result = sampler.should_sample(None, TraceId::from(1), "x", &kind, &[], &[]);
            result.decision
        };
        assert_eq!(decision(SpanKind::Server), SamplingDecision::RecordAndSample);
        assert_eq!(decision(SpanKind::Internal), SamplingDecision::Drop);
    }
}
