//! The HTTP API, version 1: routes, and the types that go over the wire.

mod access;
mod openapi;
mod routes;
mod state;
mod wire;

use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{REQUEST_DURATION, limit_time, observe};

pub use openapi::document;
pub use state::{ApiState, Services};
pub(crate) use wire::{FailedLine, ImportAnswer, carried, restored_json, snapshot_json};

/// What a router needs to know of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest a request may take.
    pub request_timeout: Duration,
    /// The longest that carrying data away, bringing it back and making snapshots may take.
    pub long_request_timeout: Duration,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// The longest line of an import, in bytes.
    pub max_line_bytes: usize,
}

/// What bounds a body that is read or written piece by piece.
#[derive(Debug, Clone, Copy)]
struct StreamLimits {
    /// The longest wait for a piece.
    wait: Duration,
    max_line_bytes: usize,
}

/// The whole API as a service.
pub fn router(state: ApiState, limits: Limits) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    let stream_limits = StreamLimits {
        wait: limits.request_timeout,
        max_line_bytes: limits.max_line_bytes,
    };
    let (long, _) = long_routes().split_for_parts();
    let long = long
        .layer(Extension(stream_limits))
        .layer(from_fn_with_state(limits.long_request_timeout, limit_time));
    router
        .route("/openapi.json", axum::routing::get(routes::openapi_json))
        .layer(from_fn_with_state(limits.request_timeout, limit_time))
        .merge(long)
        .layer(DefaultBodyLimit::max(limits.max_body_bytes))
        .fallback(routes::not_found)
        .layer(from_fn(observe))
        .with_state(state)
}

/// Routes whose calls may take as long as the data is large.
fn long_routes() -> OpenApiRouter<ApiState> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(routes::export_contexts))
        .routes(routes!(routes::import_contexts))
        .routes(routes!(routes::create_snapshot, routes::list_snapshots))
        .routes(routes!(routes::restore_snapshot))
        .routes(routes!(routes::verify_snapshot))
        .routes(routes!(routes::forget_user));
    OpenApiRouter::new().nest("/api/v1", v1)
}

/// Every other route that the OpenAPI document describes, which is every route but the document's own.
fn documented_routes() -> OpenApiRouter<ApiState> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(routes::store_context, routes::list_contexts))
        .routes(routes!(routes::store_contexts))
        .routes(routes!(
            routes::get_context,
            routes::update_context,
            routes::delete_context
        ))
        .routes(routes!(routes::search_contexts))
        .routes(routes!(routes::assemble_contexts))
        .routes(routes!(routes::delete_contexts))
        .routes(routes!(routes::clear_contexts))
        .routes(routes!(routes::list_sessions))
        .routes(routes!(routes::delete_session))
        .routes(routes!(routes::get_stats))
        .routes(routes!(
            routes::start_reembedding,
            routes::get_reembedding,
            routes::discard_reembedding
        ));
    OpenApiRouter::new()
        .nest("/api/v1", v1)
        .routes(routes!(routes::get_health))
        .routes(routes!(routes::get_liveness))
        .routes(routes!(routes::get_readiness))
        .routes(routes!(routes::get_metrics))
}

/// Describes this crate's metrics to the recorder that is installed.
pub(crate) fn describe_metrics() {
    metrics::describe_histogram!(
        REQUEST_DURATION,
        metrics::Unit::Seconds,
        "Time from a request's head to its answer"
    );
}
