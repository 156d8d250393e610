//! Domain of the Context Manager: contexts, their levels of memory, and the engine that finds the ones a model needs.
//!
//! [`ContextEngine`] stores contexts at three [`Level`]s through the ports in [`ports`], finds those that answer a query,
//! and fits them into a token budget (HiRAG: hierarchical retrieval over immediate, short-term and long-term memory).
//!
//! Invariants: every call takes a [`Scope`], so tenants never see each other's data; everything acknowledged is in the
//! [`ports::VectorStore`]; the in-memory level 1 is only a cache over it.
//!
//! The crate has no HTTP, files, database or configuration loader. Stores and embedders are separate crates that implement
//! the ports: `context-manager-vector-store` without default features adds a store in memory, and its crate page runs an
//! engine on it.
//!
//! # Example
//!
//! The pure parts work alone. This example filters a context and assembles a prompt:
//!
//! ```
//! use context_manager_core::assemble::{Entry, Format, Order, write};
//! use context_manager_core::tokens::Encoding;
//! use context_manager_core::{Context, Filter, Level};
//!
//! let context = Context {
//!     user_id: Some("ann".to_owned()),
//!     ..Context::new("Ann prefers dark mode")
//! };
//! let of_ann = Filter {
//!     user_id: Some("ann".to_owned()),
//!     levels: vec![Level::LongTerm],
//!     ..Filter::default()
//! };
//! assert!(of_ann.matches(&context));
//!
//! let entry = Entry { context: &context, score: 1.0 };
//! let assembled = write(vec![entry], Format::Plain, Order::Relevance, &*Encoding::Heuristic.counter());
//! assert!(assembled.prompt.contains("Ann prefers dark mode"));
//! ```

pub mod assemble;
mod config;
pub mod context;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod document;
mod engine;
mod error;
pub mod files;
pub mod filter;
mod l1;
pub mod lexical;
pub mod lifecycle;
pub mod metrics;
mod moment;
mod page;
pub mod ports;
pub mod rank;
mod scope;
pub mod tokens;

pub use config::{Budget, Config, Fusion, L2OnExpiry, Neighbours, Speech, Weights};
pub use context::{Context, ContextId, Level, NewContext, Patch, UnknownLevel, Violation, Violations};
pub use engine::{
    AssembleRequest, AssembleResponse, ContextEngine, DEFAULT_LIMIT, Degraded, Deps, DocumentParts, DocumentStored,
    Dropped, Event, EventKind, ExportRecord, ExportRequest, Followed, Follower, Forgotten, Found, GcAction, GcAffected,
    GcReport, Imported, MAX_LIMIT, MAX_LISTED, MAX_TOKENS, NewDocument, OnEmbeddingFailure, Pending, PendingRound,
    Place, Receipt, ReembedPhase, ReembedProgress, ReembedSettings, Relevance, Restored, Resume, ScopeCount,
    SearchMode, SearchRequest, SearchResponse, Stats, Stored, Usage,
};
pub use error::{Error, ErrorKind};
pub use filter::{Filter, Name, Visibility};
pub use moment::{InvalidMoment, Moment};
pub use page::{Cursor, InvalidCursor, Page, seal, unseal};
pub use scope::{InvalidTenant, MAX_TENANT_BYTES, Scope, TenantId};
