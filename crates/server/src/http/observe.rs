//! The outermost layer: request id, trace, log line, metrics, panics caught, errors written as problems.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Method, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use context_manager_observability::{HealthRegistry, Phase, continue_trace, mark_failed};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use tokio::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;

use super::problem::{Code, Problem, code_of};
use super::protect::protect;
use super::request_id::{self, RequestId};

/// Histogram of the time a request takes; labels `route`, `method`, `status`.
const REQUEST_DURATION: &str = "context_manager_request_duration_seconds";
/// Gauge of the requests that are being answered.
const REQUESTS_IN_FLIGHT: &str = "context_manager_requests_in_flight";

/// Describes this module's metrics to the installed recorder.
pub(crate) fn describe_metrics() {
    metrics::describe_histogram!(
        REQUEST_DURATION,
        metrics::Unit::Seconds,
        "Time from a request's head to its answer, by `route`, `method` and `status`"
    );
    metrics::describe_gauge!(
        REQUESTS_IN_FLIGHT,
        metrics::Unit::Count,
        "Requests that are being answered"
    );
}

/// Observes one request.
pub(crate) async fn observe(State(health): State<HealthRegistry>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let _in_flight = InFlight::new();
    let id = request_id::of(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, version) = (known_method(request.method()), request.version());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        request_id = %id,
        method,
        route,
        trace_id = Empty,
        otel.name = Empty,
        otel.kind = Empty,
        http.response.status_code = Empty
    );
    continue_trace(
        &span,
        || format!("{method} {route}"),
        |name| request.headers().get(name)?.to_str().ok(),
    );
    // A handler that panics has changed nothing that others see: all shared state is behind locks that survive it.
    let answer = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let response = answer.unwrap_or_else(|_| Problem::new(Code::Internal).into_response());
    let mut response = finish(response, &id);
    protect(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    if health.phase() == Phase::Stopping && version <= Version::HTTP_11 {
        // Clients learn of the end before their connection is closed, and send nothing into it.
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let (elapsed, status) = (start.elapsed(), response.status().as_u16());
    let labels = [
        ("route", route.to_owned()),
        ("method", method.to_owned()),
        ("status", status.to_string()),
    ];
    metrics::histogram!(REQUEST_DURATION, &labels).record(elapsed);
    span.record("http.response.status_code", status);
    if response.status().is_server_error() {
        mark_failed(&span);
    }
    let _in_span = span.enter();
    tracing::debug!(status, duration_ms = elapsed.as_secs_f64() * 1000.0, "request answered");
    response
}

/// A request that is being answered.
struct InFlight;

impl InFlight {
    fn new() -> Self {
        metrics::gauge!(REQUESTS_IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!(REQUESTS_IN_FLIGHT).decrement(1.0);
    }
}

/// Mark of a response whose errors have the form of another protocol, and stay as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnErrors;

/// Writes the problem of an error response, or a generic one if it has none.
fn finish(mut response: Response, id: &str) -> Response {
    let problem = response.extensions_mut().remove::<Problem>();
    match problem {
        Some(problem) => problem.with_request_id(id).write(response),
        None if response.extensions().get::<OwnErrors>().is_some() => response,
        None if response.status().is_client_error() || response.status().is_server_error() => {
            let problem = Problem::new(code_of(response.status()));
            *response.status_mut() = problem.status();
            problem.with_request_id(id).write(response)
        }
        None => response,
    }
}

/// Returns the name of a method, for labels: unknown methods share one.
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}
