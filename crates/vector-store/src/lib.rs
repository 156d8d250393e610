//! Vector stores for contexts.
//!
//! All implement [`VectorStore`](context_manager_core::ports::VectorStore) and behave alike:
//!
//! - `EmbeddedStore` runs Qdrant's engine inside the process, on a data folder. It is durable and meant for production.
//! - `QdrantStore` uses a Qdrant server or cluster, which many processes can share. It is meant for deployments that
//!   outgrow one machine.
//! - [`MemoryStore`] keeps everything in memory and compares every vector. It is meant for tests and small programs.
//!
//! [`OpenStore`] is the result of opening any of them. The contract they all keep is a suite of tests, in the module
//! `contract`, that other implementations can run too.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `embedded` | yes | the embedded store, and Qdrant's engine |
//! | `qdrant` | yes | the store on a Qdrant server, and a gRPC client |
//! | `contract` | no | the contract suite |
//!
//! Without default features the crate has the memory store and what all stores share, and builds in under a minute.
//!
//! # An engine in a minute
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use context_manager_core::ports::{EmbedError, Embedder, ModelFingerprint, QueryEmbedding};
//! use context_manager_core::{Config, ContextEngine, Deps, NewContext, Scope, SearchRequest, TenantId};
//! use context_manager_vector_store::MemoryStore;
//!
//! /// Counts letters; `context-manager-embedding` has real models.
//! #[derive(Debug)]
//! struct Letters(ModelFingerprint);
//!
//! impl Letters {
//!     fn vector(text: &str) -> Vec<f32> {
//!         ('a'..='z').map(|letter| text.to_lowercase().matches(letter).count() as f32 + 0.1).collect()
//!     }
//! }
//!
//! #[async_trait]
//! impl Embedder for Letters {
//!     fn fingerprint(&self) -> &ModelFingerprint {
//!         &self.0
//!     }
//!
//!     async fn embed_documents(&self, texts: &[String]) -> Vec<Result<Vec<f32>, EmbedError>> {
//!         texts.iter().map(|text| Ok(Self::vector(text))).collect()
//!     }
//!
//!     async fn embed_query(&self, text: &str) -> Result<QueryEmbedding, EmbedError> {
//!         Ok(QueryEmbedding::new(Self::vector(text)))
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let store = Arc::new(MemoryStore::new(26));
//!     let embedder = Arc::new(Letters(ModelFingerprint::unverified("letters", 26)));
//!     let engine = ContextEngine::new(Config::default(), Deps::new(store, embedder));
//!
//!     let scope = Scope::authenticated(TenantId::try_new("acme")?);
//!     engine.store(&scope, NewContext::new("Ann prefers dark mode")).await?;
//!     engine.store(&scope, NewContext::new("The office is in Lisbon")).await?;
//!
//!     let question = SearchRequest { query: "Which mode does Ann like?".to_owned(), ..SearchRequest::default() };
//!     let answer = engine.search(&scope, question).await?;
//!     assert_eq!(answer.contexts[0].context.text, "Ann prefers dark mode");
//!     Ok(())
//! }
//! ```

#![cfg_attr(
    not(all(feature = "embedded", feature = "qdrant")),
    allow(dead_code, reason = "each store uses a part of what they share")
)]

pub mod compare;
mod conditions;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "embedded")]
mod disk;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod memory;
pub mod metrics;
mod open_store;
mod page;
pub mod payload;
#[cfg(feature = "qdrant")]
pub mod qdrant;
mod snapshot_name;
mod validate;

#[cfg(feature = "embedded")]
pub use embedded::EmbeddedStore;
pub use error::Error;
pub use memory::MemoryStore;
pub use open_store::{LocalDisk, OpenStore, StoreHandle};
#[cfg(feature = "qdrant")]
pub use qdrant::QdrantStore;
pub use validate::PayloadTooLarge;
