//! Embedders of the Context Manager, which turn texts into vectors.
//!
//! [`SentenceEncoder`] runs a transformer in this process, the compiled-in one for English or one of a folder, and
//! [`StaticTable`] is a compiled-in token table for English that takes microseconds. [`OpenAiCompatible`] calls a service,
//! [`Batching`] gathers concurrent calls into few, and [`Cached`] remembers vectors. [`ChatModel`] calls a service of the
//! same kind for summaries. [`HttpReranker`] calls one that orders the hits of a search, and [`CrossEncoder`] does that in
//! this process.
//!
//! Not here: the storage of vectors, and the treatment of contexts whose embedding failed.
//!
//! ```
//! use context_manager_core::ports::Embedder;
//! use context_manager_embedding::{CacheConfig, Cached, SentenceEncoder};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let embedder = Cached::queries(SentenceEncoder::built_in()?, &CacheConfig::default());
//! let first = embedder.embed_query("Which theme does the user like?").await?;
//! let again = embedder.embed_query("Which theme does the user like?").await?;
//! assert_eq!(first.vector.len(), 256);
//! assert!(!first.cached && again.cached);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api;
mod batching;
mod cache;
mod chat;
mod encoder;
mod error;
mod kind;
pub mod metrics;
mod probe;
mod rerank;
mod scaled;
mod static_table;
#[cfg(feature = "testing")]
pub mod testing;
mod words;

pub use api::{ApiConfig, Builder, OpenAiCompatible};
pub use batching::{BatchConfig, BatchEmbedder, Batching};
pub use cache::{CacheConfig, Cached};
pub use chat::{ChatConfig, ChatModel};
pub use context_manager_resilience::Secret;
pub use encoder::{CrossEncoder, Prefixes, SentenceEncoder};
pub use error::Error;
pub use rerank::{HttpReranker, RerankConfig, RerankForm};
pub use scaled::Scaled;
pub use static_table::StaticTable;
