//! The HTTP API, version 1: routes, and the types that go over the wire.

mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gate;
mod intake;
mod mcp;
mod openapi;
mod protected_resource;
mod rate_limit;
mod route;
mod routes;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::config::Config;
use crate::console;
use crate::http::{HeadLimits, cors, limit_head, observe};
use crate::service::{Service, UseCase};
use gate::{Gate, authorize, check_site, limit_address};
use intake::{Intake, take_in};
use protected_resource::ProtectedResource;
use route::RouteTable;

pub use crate::http::PeerAddress;
pub use openapi::document;

/// Returns the whole API as a service. Layers are listed from the inside to the outside.
pub fn router(service: Arc<Service>, config: &Config) -> Router {
    let server = &config.server;
    let (routed, document) = routes::all().split_for_parts();
    let mut table = RouteTable::new(document);
    for path in ["/openapi.json", openapi::DOCS, openapi::STYLE] {
        table.add(path, Method::GET, UseCase::GetOpenapi, Vec::new());
    }
    let intake = Arc::new(Intake::new(Arc::clone(&service), server));
    let stream_limits = routes::StreamLimits {
        wait: Duration::from_millis(server.request_timeout_ms),
        max_line_bytes: server.max_line_bytes,
    };
    let mut routed = routed
        .route("/openapi.json", get(openapi::get_openapi))
        .route(openapi::DOCS, get(openapi::get_docs))
        .route(openapi::STYLE, get(openapi::get_docs_style));
    if server.console {
        for path in [console::SHORT, console::PAGE, console::FILES] {
            table.add(path, Method::GET, UseCase::GetConsole, Vec::new());
        }
        routed = routed
            .route(console::SHORT, get(console::get_short))
            .route(console::PAGE, get(console::get_page))
            .route(console::FILES, get(console::get_file));
    }
    if let Some(resource) = ProtectedResource::new(config) {
        for path in protected_resource::PATHS {
            let (resource, path_of) = (resource.clone(), path);
            table.add(path, Method::GET, UseCase::GetProtectedResource, Vec::new());
            routed = routed.route(
                path,
                get(move |request| async move { resource.describe(path_of, &request) }),
            );
        }
    }
    if config.mcp.enabled {
        table.add(mcp::PATH, Method::POST, UseCase::CallMcp, Vec::new());
        let tools = mcp::service(config);
        routed = routed.route(mcp::PATH, post(move |request| mcp::answer(tools, request)));
    }
    let gate = Arc::new(Gate::new(Arc::clone(&service), table, config));
    let mut api = routed
        .layer(Extension(stream_limits))
        .layer(DefaultBodyLimit::max(server.max_body_bytes))
        .layer(from_fn_with_state(intake, take_in))
        .layer(from_fn_with_state(Arc::clone(&gate), authorize))
        .fallback(routes::not_found)
        .layer(from_fn_with_state(Arc::clone(&gate), limit_address))
        .layer(from_fn_with_state(HeadLimits::new(&server.connections), limit_head));
    if let Some(cors) = cors(&server.cors_allowed_origins) {
        api = api.layer(cors);
    }
    api.layer(from_fn_with_state(gate, check_site))
        .layer(from_fn_with_state(service.health.clone(), observe))
        .with_state(service)
}
