//! First contact with an embedding model.

use std::sync::Arc;

use context_manager_core::ports::{Embedder, StoredModels};
use context_manager_embedding::{ApiConfig, Batching, BuiltIn, Cached, OpenAiCompatible};
use context_manager_resilience::CircuitBreaker;

use crate::config::EmbeddingConfig;

/// Name of the circuit breaker of `[embedding]`.
pub(super) const CIRCUIT: &str = "embedding";

/// Loads the built-in model, or asks a service for its model.
pub(super) async fn connect(
    circuit: &'static str,
    api: &ApiConfig,
    config: &EmbeddingConfig,
    stored: Option<&StoredModels>,
) -> anyhow::Result<Arc<dyn Embedder>> {
    if api.api_url.is_none() {
        let model = tokio::task::spawn_blocking(BuiltIn::load).await??;
        return Ok(Arc::new(Cached::queries(model, &config.cache)));
    }
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
        Batching::start(service, &config.batching),
        &config.cache,
    )))
}
