//! The greeting of a server that a person started by the program's name alone.

use std::net::SocketAddr;

use context_manager_core::tokens::Encoding;
use context_manager_embedding::{SentenceEncoder, StaticTable};
use indicatif::HumanBytes;

use super::output::{BOLD, OutputArgs};
use crate::app::loopback;
use crate::config::{Config, Place};

/// Prints where the server is, what is in it, and what to do next.
pub(super) fn print(config: &Config, address: SocketAddr, needs_keys: bool) -> anyhow::Result<()> {
    let output = OutputArgs::default().open();
    let scheme = if config.server.tls.cert_file.is_some() {
        "https"
    } else {
        "http"
    };
    let url = match &config.server.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("{scheme}://{}", loopback(address)),
    };
    let keys = if needs_keys && config.vector_db.qdrant.url.is_some() {
        "asked for if the Qdrant server has some; `context-manager keys create` makes one"
    } else if needs_keys {
        "asked for; `context-manager keys create` makes one"
    } else {
        "none asked for"
    };
    output.line(output.paint(BOLD, format!("Context Manager {}", env!("CARGO_PKG_VERSION"))))?;
    output.line("")?;
    let console = config.server.console.then(|| ("console", format!("{url}/console")));
    output.facts([("address", url)].into_iter().chain(console).chain([
        ("data", store(config)),
        ("model", model(config)),
        ("tokens", tokens(config.tokens.encoding).to_owned()),
        ("keys", keys.to_owned()),
    ]))?;
    output.line("\nNext, in another terminal:")?;
    for command in [
        "context-manager store Mira is allergic to peanuts",
        "context-manager search What can Mira not eat",
        "context-manager install all        # give the coding agents on this machine the memory",
    ] {
        output.line(format!("  {command}"))?;
    }
    output.line("")?;
    Ok(())
}

fn store(config: &Config) -> String {
    match &config.vector_db.qdrant.url {
        Some(url) => format!("on the Qdrant server {url}"),
        None => format!(
            "{}, in Qdrant's engine inside this program",
            std::path::absolute(&config.vector_db.embedded.path)
                .unwrap_or_else(|_| config.vector_db.embedded.path.clone())
                .display()
        ),
    }
}

fn model(config: &Config) -> String {
    let model = &config.embedding.model;
    let inside = |name: &str, bytes: usize| {
        format!(
            "{name}, for English, inside this program ({})",
            HumanBytes(bytes as u64)
        )
    };
    match model.place() {
        Place::Service => format!(
            "{} at {}",
            model.api.name(),
            model.api.api_url.as_deref().unwrap_or_default()
        ),
        Place::Folder(folder) => format!("of {}", folder.display()),
        Place::Encoder => inside(SentenceEncoder::BUILT_IN, SentenceEncoder::BUILT_IN_BYTES),
        Place::Table => inside(StaticTable::NAME, StaticTable::BYTES),
    }
}

fn tokens(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::O200kBase => "counted by o200k_base, the tokenizer of GPT-4o and later",
        Encoding::Cl100kBase => "counted by cl100k_base, the tokenizer of GPT-4",
        Encoding::Heuristic => "estimated, one for four bytes",
    }
}
