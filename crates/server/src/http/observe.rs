//! The outermost layer: request id, log line, metrics, panics caught, errors written as problems.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use tokio::time::Instant;
use tracing::Instrument;

use super::problem::{Code, Problem};
use super::protect::protect;
use super::request_id::{self, RequestId};

/// Histogram of the time a request takes; labels `route`, `method`, `status`.
pub(crate) const REQUEST_DURATION: &str = "context_manager_request_duration_seconds";

/// Watches over one request.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let id = request_id::of(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!("request", request_id = %id, method, route);
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
    let (elapsed, status) = (start.elapsed(), response.status().as_u16());
    let labels = [
        ("route", route.to_owned()),
        ("method", method.to_owned()),
        ("status", status.to_string()),
    ];
    metrics::histogram!(REQUEST_DURATION, &labels).record(elapsed);
    let _in_span = span.enter();
    tracing::debug!(status, duration_ms = elapsed.as_secs_f64() * 1000.0, "request answered");
    response
}

/// Writes the problem of an error response, and gives one to an error response that has none.
fn finish(mut response: Response, id: &str) -> Response {
    let problem = response.extensions_mut().remove::<Problem>();
    match problem {
        Some(problem) => problem.with_request_id(id).write(response),
        None if response.status().is_client_error() || response.status().is_server_error() => {
            let problem = Problem::new(Code::from_status(response.status()));
            *response.status_mut() = problem.status();
            problem.with_request_id(id).write(response)
        }
        None => response,
    }
}

/// The method's name; one that nobody defined must not become a label of its own.
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
