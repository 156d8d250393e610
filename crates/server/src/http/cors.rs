//! Cross-origin calls of pages in a browser.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Time for which a browser may cache the answer to a preflight.
const MAX_AGE: Duration = Duration::from_hours(1);

/// Returns the layer that answers browsers, if any origin may call. It never allows credentials that a browser adds by
/// itself, such as cookies.
pub(crate) fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let named = HeaderName::from_static;
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            CONTENT_ENCODING,
            named("x-api-key"),
            named("x-request-id"),
            named("x-request-timeout-ms"),
            named("traceparent"),
            named("mcp-protocol-version"),
            named("mcp-session-id"),
            named("mcp-method"),
            named("mcp-name"),
            named("x-user-id"),
            named("x-agent-id"),
            named("x-project"),
        ])
        .expose_headers([
            LOCATION,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            named("x-request-id"),
            named("ratelimit"),
            named("ratelimit-policy"),
        ])
        .max_age(MAX_AGE);
    Some(layer)
}
