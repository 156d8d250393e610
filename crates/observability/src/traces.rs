//! Traces: what was done for a request, step by step, sent to an `OpenTelemetry` collector.
//!
//! Off unless an endpoint is configured. A trace that a caller began goes on here, and from here to the services that are
//! called. What cannot be sent in time is dropped: a collector that is down costs no request anything.

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

/// Where a collector takes traces, below its base URL.
const PATH: &str = "/v1/traces";
/// What this workspace's own spans begin with; those of libraries are not sent.
const OWN: &str = "context_manager";

/// Whether traces are sent. Without them, nobody has to look for a caller's trace.
static ON: AtomicBool = AtomicBool::new(false);

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The base URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`. None is sent without it.
    pub otlp_endpoint: Option<String>,
    /// What the server calls itself.
    pub service_name: String,
    /// The part of requests of which a trace is sent, 0 to 1, unless the caller decided it in `traceparent`.
    pub sampling_ratio: f64,
    /// How many spans may wait to be sent; more are dropped.
    pub queue_size: usize,
    /// Milliseconds until what waits is sent.
    pub export_interval_ms: u64,
    /// How long the collector may take, in milliseconds.
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
    /// Everything that is wrong, each as `key: what is expected`.
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

/// What sends traces.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    timeout: Duration,
}

impl Traces {
    /// Starts the thread that sends, if there is somewhere to send to. Not within a tokio runtime: the thread brings one.
    pub(crate) fn start(config: &TelemetryConfig) -> Result<Option<Self>, Error> {
        let Some(url) = config.url() else {
            return Ok(None);
        };
        // The first one stays.
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

    /// What makes spans into parts of traces.
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

    /// Sends what waits, and nothing after that.
    pub(crate) fn shutdown(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(self.timeout) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Begins traces with requests alone: what runs in the background is not of one request, and would be a trace of one step.
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

/// Makes `span` a part of the trace that a request brings in `traceparent`, or the first of a new one, and shows its
/// `trace_id` in the logs. `span` has the fields `otel.name`, `otel.kind` and `trace_id`, still empty.
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
        // It fails only where nobody makes a trace of this span.
        let _not_traced = span.set_parent(parent);
    }
    let trace_id = span.context().span().span_context().trace_id();
    if trace_id != TraceId::INVALID {
        span.record("trace_id", tracing::field::display(trace_id));
    }
}

/// Says in the trace that what `span` stands for failed.
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
    fn every_problem_is_named() {
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
    fn only_requests_begin_a_trace() {
        let sampler = RequestsOnly(Sampler::AlwaysOn);
        let decision = |kind| {
            let result = sampler.should_sample(None, TraceId::from(1), "x", &kind, &[], &[]);
            result.decision
        };
        assert_eq!(decision(SpanKind::Server), SamplingDecision::RecordAndSample);
        assert_eq!(decision(SpanKind::Internal), SamplingDecision::Drop);
    }
}
