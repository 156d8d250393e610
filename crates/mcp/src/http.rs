//! Streamable HTTP.

use std::io;

use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::handler::Handler;

/// Service that answers the requests of one path.
pub type HttpService = StreamableHttpService<Handler, NeverSessionManager>;

/// Returns the service of a path for MCP.
///
/// Every request stands by itself, also with protocols that know sessions: any replica answers it, under the credential
/// that it brings. `Host` and `Origin` are checked by the server for all its paths.
pub fn http_service(handler: Handler, max_body_bytes: usize) -> HttpService {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .disable_allowed_hosts()
        .disable_allowed_origins()
        .with_max_request_body_bytes(max_body_bytes);
    let handler = move || Ok::<_, io::Error>(handler.clone());
    StreamableHttpService::new(handler, NeverSessionManager::default().into(), config)
}
