//! The tools over standard input and output, for one agent on this machine.

mod link;

use std::sync::Arc;

use axum::http::request::Parts;
use context_manager_mcp::{Fault, Handler, Memory, Owner, Settings, Visit, serve_stdio};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;

pub(crate) use link::Link;

/// The agent that started this process.
struct Agent {
    memory: Arc<dyn Memory>,
    owner: Owner,
}

impl Visit for Agent {
    fn visit(&self, _: Option<&Parts>) -> Result<(Arc<dyn Memory>, Owner), Fault> {
        Ok((Arc::clone(&self.memory), self.owner.clone()))
    }
}

/// Answers the agent until it closes standard input, or a signal ends this process.
///
/// # Errors
/// When the agent does not speak the protocol.
pub(crate) async fn serve(config: &Config, memory: Arc<dyn Memory>, owner: Owner, url: &str) -> anyhow::Result<()> {
    let settings = Settings {
        max_reply_tokens: config.mcp.max_reply_tokens,
        chatgpt_tools: config.mcp.chatgpt_tools,
        base_url: url.trim_end_matches('/').to_owned(),
    };
    let handler = Handler::new(Agent { memory, owner }, settings, config.tokens.encoding.counter());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        served = serve_stdio(handler) => served?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
