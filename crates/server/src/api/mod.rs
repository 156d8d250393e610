//! The HTTP API, version 1: routes, and the types that go over the wire.

mod access;
mod limiting;
mod openapi;
mod routes;
mod state;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::Config;
use crate::http::{HeadLimits, REQUEST_DURATION, cors, limit_head, limit_time, observe};
use crate::limits::{admit, limit_address};

pub use crate::http::PeerAddress;
pub use crate::limits::Guards;
pub use openapi::document;
pub use state::{ApiState, Services};

/// The whole API as a service. What a request goes through stands here from the inside to the outside.
pub fn router(state: ApiState, config: &Config) -> Router {
    let server = &config.server;
    let (router, _) = documented_routes().split_for_parts();
    let request_timeout = Duration::from_millis(server.request_timeout_ms);
    let guards = || Arc::clone(&state.guards);
    let mut router = router
        .route("/openapi.json", axum::routing::get(routes::openapi_json))
        .layer(DefaultBodyLimit::max(server.max_body_bytes))
        .layer(from_fn_with_state(guards(), admit))
        .layer(from_fn_with_state(request_timeout, limit_time))
        .layer(from_fn_with_state(state.clone(), limiting::limit_caller))
        .fallback(routes::not_found)
        .layer(from_fn_with_state(guards(), limit_address))
        .layer(from_fn_with_state(HeadLimits::new(&server.connections), limit_head));
    if let Some(cors) = cors(&server.cors_allowed_origins) {
        router = router.layer(cors);
    }
    router.layer(from_fn(observe)).with_state(state)
}

/// Every route that the OpenAPI document describes, which is every route but the document's own.
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
