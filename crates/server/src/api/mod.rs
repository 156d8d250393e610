//! The HTTP API, version 1: routes, and the types that go over the wire.

mod access;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gate;
mod limiting;
mod openapi;
mod routes;
mod state;
mod wire;
mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use utoipa_axum::routes;

use crate::auth::Permission::{Admin, Read, TenantAdmin, Write};
use crate::config::Config;
use crate::http::{HeadLimits, Sites, cors, limit_head, limit_time, observe};
use crate::limits::{admit, limit_address};
use access::{Closable, Routes, know_parameters};
use gate::{AUTH_FAILURES, Gate, Public, authorize, check_site};

pub use crate::http::PeerAddress;
pub use crate::limits::Guards;
pub use openapi::document;
pub use state::{ApiState, Services};
pub(crate) use wire::{FailedLine, ImportAnswer};

/// What bounds a body that is read or written piece by piece.
#[derive(Debug, Clone, Copy)]
struct StreamLimits {
    /// The longest wait for a piece.
    wait: Duration,
    max_line_bytes: usize,
}

/// The whole API as a service. What a request goes through stands here from the inside to the outside.
pub fn router(state: ApiState, config: &Config) -> Router {
    let server = &config.server;
    let (short, _, mut rules) = routes()
        .page("/openapi.json", axum::routing::get(routes::openapi_json))
        .into_parts();
    let (long, _, long_rules) = long_routes().into_parts();
    rules.extend(long_rules);
    let rules = Arc::new(rules);
    let guards = || Arc::clone(&state.guards);
    let bounded = |routes: Router<ApiState>, longest_ms| {
        routes
            .layer(DefaultBodyLimit::max(server.max_body_bytes))
            .layer(from_fn_with_state(guards(), admit))
            .layer(from_fn_with_state(Duration::from_millis(longest_ms), limit_time))
    };
    let stream_limits = StreamLimits {
        wait: Duration::from_millis(server.request_timeout_ms),
        max_line_bytes: server.max_line_bytes,
    };
    let gate = Gate {
        authenticator: Arc::clone(&state.auth),
        rules: Arc::clone(&rules),
        public: Public {
            metrics: config.auth.public_metrics,
            health: config.auth.public_health,
        },
        sites: Arc::new(Sites::new(server)),
    };
    let long = bounded(long.layer(Extension(stream_limits)), server.long_request_timeout_ms);
    let mut router = bounded(short, server.request_timeout_ms)
        .merge(long)
        .layer(from_fn_with_state(rules, know_parameters))
        .layer(from_fn_with_state(state.clone(), limiting::limit_caller))
        .layer(from_fn_with_state(gate.clone(), authorize))
        .fallback(routes::not_found)
        .layer(from_fn_with_state(guards(), limit_address))
        .layer(from_fn_with_state(HeadLimits::new(&server.connections), limit_head));
    if let Some(cors) = cors(&server.cors_allowed_origins) {
        router = router.layer(cors);
    }
    router
        .layer(from_fn_with_state(gate, check_site))
        .layer(from_fn_with_state(state.health.clone(), observe))
        .with_state(state)
}

/// Routes whose calls may take as long as the data is large.
fn long_routes() -> Routes {
    let v1 = Routes::default()
        .destroys(routes!(routes::forget_user))
        .needs(TenantAdmin, routes!(routes::export_contexts))
        .needs(TenantAdmin, routes!(routes::import_contexts))
        .needs(Admin, routes!(routes::create_snapshot, routes::list_snapshots))
        .needs(Admin, routes!(routes::restore_snapshot))
        .needs(Admin, routes!(routes::verify_snapshot));
    Routes::default().nest("/api/v1", v1)
}

/// Every other route that the OpenAPI document describes, with what it takes to call it.
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
        .needs(TenantAdmin, routes!(routes::collect_garbage))
        .needs(Admin, routes!(routes::get_log_filter, routes::set_log_filter))
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

/// Describes this module's metrics to the recorder that is installed.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        AUTH_FAILURES,
        metrics::Unit::Count,
        "Calls answered 401 or 403, by `reason`"
    );
}
