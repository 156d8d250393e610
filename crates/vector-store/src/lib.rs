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
//! Without default features the crate has the memory store and what all stores share, and builds in seconds.
//!
//! ```
//! use context_manager_core::context::{Context, ContextId, Level};
//! use context_manager_core::lexical::Analyzer;
//! use context_manager_core::ports::{Record, StoreQuery, VectorStore};
//! use context_manager_core::{Filter, Scope, TenantId};
//! use context_manager_vector_store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new(2);
//! let scope = Scope::authenticated(TenantId::try_new("acme")?);
//! let analyzer = Analyzer::new(Default::default());
//!
//! let context = Context {
//!     id: ContextId::generate(),
//!     text: "User prefers dark mode".to_owned(),
//!     level: Level::LongTerm,
//! #   user_id: None, agent_id: None, session_id: None, tags: Vec::new(), metadata: Default::default(),
//! #   importance: 0.5, pinned: false, token_count: 4, access_count: 0, occurred_at: Default::default(),
//! #   created_at: Default::default(), updated_at: Default::default(), last_accessed_at: None, expires_at: None,
//! #   ttl_secs: None, embedded: true, derived_from: Vec::new(), similar_to: Vec::new(), superseded_by: None, sequence: 1, slot: None,
//! };
//! let terms = analyzer.document(&context.text);
//! store.upsert(&scope, vec![Record { context, dense: Some(vec![0.6, 0.8]), terms }]).await?;
//!
//! let query = StoreQuery {
//!     dense: Some(vec![1.0, 0.0]),
//!     terms: Some(analyzer.query("which mode?")),
//!     filter: Filter::default(),
//!     limit: 10,
//!     exact: false,
//! };
//! let found = store.search(&scope, query).await?;
//! assert_eq!(found[0].dense, Some(0.6));
//! assert!(found[0].lexical > Some(0.0));
//! # Ok(())
//! # }
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
mod payload;
#[cfg(feature = "qdrant")]
pub mod qdrant;
mod validate;

#[cfg(feature = "embedded")]
pub use embedded::EmbeddedStore;
pub use error::Error;
pub use memory::MemoryStore;
pub use open_store::{LocalDisk, OpenStore, StoreHandle};
#[cfg(feature = "qdrant")]
pub use qdrant::QdrantStore;
pub use validate::PayloadTooLarge;
