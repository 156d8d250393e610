//! Embedders: what turns texts into vectors for the Context Manager.
//!
//! - [`BuiltIn`] is a static token table that is compiled in: some microseconds a text, no other service, English.
//! - [`OpenAiCompatible`] asks a service that answers `POST /v1/embeddings`. It tries again what may pass, leaves a
//!   service alone that fails if it is given a circuit breaker, and uses no answer that it has not checked.
//! - [`Batching`] gathers the texts of concurrent calls into few requests.
//! - [`Cached`] remembers vectors; it goes in front of all others.
//!
//! Deliberately absent: where vectors are stored, and what happens to a context whose embedding failed.
//!
//! ```
//! use context_manager_core::ports::Embedder;
//! use context_manager_embedding::{BuiltIn, CacheConfig, Cached};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let embedder = Cached::queries(BuiltIn::load()?, &CacheConfig::default());
//! let first = embedder.embed_query("Which theme does the user like?").await?;
//! let again = embedder.embed_query("Which theme does the user like?").await?;
//! assert_eq!(first.vector.len(), 256);
//! assert!(!first.cached && again.cached);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A service, with all that makes it fast and bearable:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use context_manager_core::ports::{Embedder, ModelFingerprint};
//! use context_manager_embedding::{ApiConfig, BatchConfig, Batching, CacheConfig, Cached, Error, OpenAiCompatible};
//! use context_manager_resilience::{CircuitBreaker, CircuitBreakerConfig};
//!
//! async fn embedder(stored: Option<&ModelFingerprint>) -> Result<Arc<dyn Embedder>, Error> {
//!     let config = ApiConfig {
//!         api_url: Some("https://api.openai.com/v1".to_owned()),
//!         api_token_file: Some("/run/secrets/openai".into()),
//!         model: "text-embedding-3-small".to_owned(),
//!         ..ApiConfig::default()
//!     };
//!     let breaker = Arc::new(CircuitBreaker::new("embedding", CircuitBreakerConfig::default()));
//!     let api = OpenAiCompatible::builder(config).with_circuit_breaker(breaker).connect(stored).await?;
//!     Ok(Arc::new(Cached::all(Batching::start(api, &BatchConfig::default()), &CacheConfig::default())))
//! }
//! ```

mod api;
mod batching;
mod built_in;
mod cache;
mod error;
mod kind;
pub mod metrics;
mod probe;
mod secret;
#[cfg(feature = "testing")]
pub mod testing;

pub use api::{ApiConfig, Builder, OpenAiCompatible};
pub use batching::{BatchConfig, BatchEmbedder, Batching};
pub use built_in::BuiltIn;
pub use cache::{CacheConfig, Cached};
pub use error::Error;
pub use secret::Secret;
