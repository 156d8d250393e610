//! First contact with an embedding model.

use std::sync::Arc;

use context_manager_core::ports::{Embedder, StoredModels};
use context_manager_embedding::{
    ApiConfig, Batching, Cached, OpenAiCompatible, Prefixes, Scaled, SentenceEncoder, StaticTable,
};
use context_manager_resilience::CircuitBreaker;
use tokio::task::spawn_blocking;

use crate::config::{EmbeddingConfig, ModelConfig, Place};

/// Name of the circuit breaker of `[embedding]`.
pub(super) const CIRCUIT: &str = "embedding";

/// Loads a model into this process, or asks a service for its model.
pub(super) async fn connect(
    circuit: &'static str,
    model: &ModelConfig,
    config: &EmbeddingConfig,
    stored: Option<&StoredModels>,
) -> anyhow::Result<Arc<dyn Embedder>> {
    let queries = &config.cache;
    match model.place() {
        Place::Service => connect_service(circuit, &model.api, config, stored).await,
        Place::Table => Ok(Arc::new(Cached::queries(load_table().await?, queries))),
        Place::Encoder => {
            let encoder = spawn_blocking(SentenceEncoder::built_in).await??;
            Ok(Arc::new(Cached::queries(encoder, queries)))
        }
        Place::Folder(folder) => {
            let (folder, api) = (folder.to_owned(), model.api.clone());
            let open = move || {
                let prefixes = Prefixes {
                    query: &api.query_prefix,
                    document: &api.document_prefix,
                };
                SentenceEncoder::open(&folder, prefixes)
            };
            let encoder = spawn_blocking(open).await??;
            Ok(Arc::new(Cached::queries(Scaled::new(encoder), queries)))
        }
    }
}

/// Loads the built-in token table.
pub(super) async fn load_table() -> anyhow::Result<StaticTable> {
    Ok(spawn_blocking(StaticTable::load).await??)
}

/// Asks a service for its model.
pub(super) async fn connect_service(
    circuit: &'static str,
    api: &ApiConfig,
    config: &EmbeddingConfig,
    stored: Option<&StoredModels>,
) -> anyhow::Result<Arc<dyn Embedder>> {
    let stored = stored.into_iter().flat_map(|stored| {
        let other = stored.other.as_ref().map(|other| &other.model);
        [&stored.in_use].into_iter().chain(other)
    });
    let known = stored
        .into_iter()
        .find(|known| known.name == api.name() && known.is_verified());
    let breaker = Arc::new(CircuitBreaker::new(circuit, config.circuit_breaker.clone()));
    let service = OpenAiCompatible::builder(api.clone())
        .with_circuit_breaker(breaker)
        .connect(known)
        .await?;
    Ok(Arc::new(Cached::all(
        Scaled::new(Batching::start(service, &config.batching)),
        &config.cache,
    )))
}
