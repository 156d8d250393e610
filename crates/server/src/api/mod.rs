//! The HTTP API, version 1: routes, and the types that go over the wire.

mod access;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gate;
mod openapi;
mod routes;
mod state;
mod wire;
mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa_axum::routes;

use crate::auth::Permission::{Admin, Read, Write};
use crate::http::{REQUEST_DURATION, limit_time, observe};
use access::{Closable, Routes};
use gate::{AUTH_FAILURES, Gate, authorize};

pub use gate::Public;
pub use openapi::document;
pub use state::{ApiState, Services};

/// What a router needs to know of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest a request may take.
    pub request_timeout: Duration,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// What is answered without a key although there are keys.
    pub public: Public,
}

/// The whole API as a service.
pub fn router(state: ApiState, limits: Limits) -> Router {
    let (router, _, rules) = routes()
        .page("/openapi.json", axum::routing::get(routes::openapi_json))
        .into_parts();
    let gate = Gate {
        authenticator: Arc::clone(&state.auth),
        rules: Arc::new(rules),
        public: limits.public,
    };
    router
        .layer(DefaultBodyLimit::max(limits.max_body_bytes))
        .layer(from_fn_with_state(limits.request_timeout, limit_time))
        .layer(from_fn_with_state(gate, authorize))
        .fallback(routes::not_found)
        .layer(from_fn(observe))
        .with_state(state)
}

/// Every route that the OpenAPI document describes, with what it takes to call it.
fn routes() -> Routes {
    let v1 = Routes::default()
        .needs(Read, routes!(routes::list_contexts))
        .needs(Write, routes!(routes::store_context))
        .needs(Write, routes!(routes::store_contexts))
        .needs(Read, routes!(routes::get_context))
        .needs(Write, routes!(routes::update_context))
        .destroys(routes!(routes::delete_context))
        .needs(Read, routes!(routes::search_contexts))
        .needs(Read, routes!(routes::assemble_contexts))
        .destroys(routes!(routes::delete_contexts))
        .destroys(routes!(routes::clear_contexts))
        .needs(Read, routes!(routes::list_sessions))
        .destroys(routes!(routes::delete_session))
        .needs(Read, routes!(routes::get_stats))
        .needs(
            Admin,
            routes!(
                routes::start_reembedding,
                routes::get_reembedding,
                routes::discard_reembedding
            ),
        );
    Routes::default()
        .nest("/api/v1", v1)
        .closable(Closable::Health, routes!(routes::get_health))
        .open(routes!(routes::get_liveness))
        .open(routes!(routes::get_readiness))
        .closable(Closable::Metrics, routes!(routes::get_metrics))
}

/// Describes this crate's metrics to the recorder that is installed.
pub(crate) fn describe_metrics() {
    metrics::describe_histogram!(
        REQUEST_DURATION,
        metrics::Unit::Seconds,
        "Time from a request's head to its answer"
    );
    metrics::describe_counter!(AUTH_FAILURES, "Calls answered 401 or 403, by reason");
}
