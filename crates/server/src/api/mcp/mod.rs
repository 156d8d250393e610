//! MCP at `/mcp`: the tools of `context-manager-mcp` on the service layer.
//!
//! A request passes the gate as every other one does; each tool is then a call of its own, with its permission, rate limits,
//! quota and audit record.

mod callers;
mod memory;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use context_manager_mcp::{Handler, HttpService, Settings, http_service};

use crate::config::Config;
use crate::http::OwnErrors;
use callers::Callers;

/// Path of the tools.
pub(super) const PATH: &str = "/mcp";

/// Returns the service behind the path.
pub(super) fn service(config: &Config) -> HttpService {
    let public = config.server.public_url.as_deref().unwrap_or_default();
    let settings = Settings {
        max_reply_tokens: config.mcp.max_reply_tokens,
        chatgpt_tools: config.mcp.chatgpt_tools,
        base_url: public.trim_end_matches('/').to_owned(),
    };
    let callers = Callers::new(config.mcp.owner());
    let handler = Handler::new(callers, settings, config.tokens.encoding.counter());
    http_service(handler, config.server.max_body_bytes)
}

/// Answers a request that the gate let through.
pub(super) async fn answer(service: HttpService, request: Request) -> Response {
    let mut response = service.handle(request).await.map(Body::new);
    // Errors of JSON-RPC tell a client which versions and capabilities there are.
    response.extensions_mut().insert(OwnErrors);
    response
}
