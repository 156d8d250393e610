//! Standard input and output.

use std::io;

use rmcp::ServiceExt as _;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::handler::Handler;

/// Maximum length of a request, in bytes.
const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// Answers the host that started this process, until it closes standard input.
///
/// # Errors
/// When the host speaks another protocol, or standard output is closed.
pub async fn serve_stdio(handler: Handler) -> io::Result<()> {
    let (read, write) = stdio();
    serve_lines(handler, read, write).await
}

/// Answers a host that sends one message a line.
///
/// # Errors
/// As [`serve_stdio`].
pub async fn serve_lines(
    handler: Handler,
    read: impl AsyncRead + Send + Unpin + 'static,
    write: impl AsyncWrite + Send + Unpin + 'static,
) -> io::Result<()> {
    let transport = AsyncRwTransport::new_server(read, write).with_max_line_length(MAX_LINE_BYTES);
    let running = handler.serve(transport).await.map_err(io::Error::other)?;
    running.waiting().await.map_err(io::Error::other)?;
    Ok(())
}
