//! The HTTP API, version 1: routes, and the types that go over the wire.

mod access;
mod openapi;
mod routes;
mod state;
mod wire;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{limit_time, observe};

pub use openapi::document;
pub use state::{ApiState, Services};

/// What a router needs to know of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest a request may take.
    pub request_timeout: Duration,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
}

/// The whole API as a service.
pub fn router(state: ApiState, limits: Limits) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    router
        .route("/openapi.json", axum::routing::get(routes::openapi_json))
        .layer(DefaultBodyLimit::max(limits.max_body_bytes))
        .layer(from_fn_with_state(limits.request_timeout, limit_time))
        .fallback(routes::not_found)
        .layer(from_fn_with_state(state.health.clone(), observe))
        .with_state(state)
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
        ))
        .routes(routes!(routes::get_log_filter, routes::set_log_filter));
    OpenApiRouter::new()
        .nest("/api/v1", v1)
        .routes(routes!(routes::get_health))
        .routes(routes!(routes::get_liveness))
        .routes(routes!(routes::get_readiness))
        .routes(routes!(routes::get_metrics))
}
