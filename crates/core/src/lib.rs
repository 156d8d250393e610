//! The domain of the Context Manager: what a context is, where it lives, and which ones a model should see now.
//!
//! [`ContextEngine`] is the way in. It keeps contexts at three [`Level`]s through the ports of [`ports`], finds those
//! that answer a query and fits them into a token budget (HiRAG: hierarchical retrieval over immediate, short-term
//! and long-term memory).
//!
//! Invariants: every call takes a [`Scope`], so no tenant's data can meet another's; what a call acknowledged is in
//! the [`ports::VectorStore`]; the in-memory level 1 is only a cache over it.
//!
//! Deliberately absent: HTTP, files, a database, configuration loading. Concrete stores and embedders live in their
//! own crates and are handed in.
//!
//! ```
//! use context_manager_core::{Level, NewContext, TenantId, Scope};
//!
//! let scope = Scope::authenticated(TenantId::try_new("acme")?);
//! let new = NewContext { text: "User prefers dark mode".to_owned(), level: Level::LongTerm, ..NewContext::default() };
//! assert!(new.validate("").is_empty());
//! assert_eq!(scope.tenant().as_str(), "acme");
//! # Ok::<(), context_manager_core::InvalidTenant>(())
//! ```

pub mod assemble;
mod config;
pub mod context;
mod engine;
mod error;
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
    AssembleRequest, AssembleResponse, Carried, ContextEngine, DEFAULT_LIMIT, Degraded, Deps, Dropped, ExportRequest,
    Forgotten, Found, GcAction, GcAffected, GcReport, Imported, MAX_LIMIT, MAX_LISTED, MAX_TOKENS, OnEmbeddingFailure,
    Pending, PendingRound, Receipt, ReembedPhase, ReembedProgress, ReembedSettings, Restored, SearchMode,
    SearchRequest, SearchResponse, Stats, Stored, Usage,
};
pub use error::{Error, ErrorKind};
pub use filter::{Filter, Visibility};
pub use moment::{InvalidMoment, Moment};
pub use page::{Cursor, InvalidCursor, Page, seal, unseal};
pub use scope::{InvalidTenant, MAX_TENANT_BYTES, Scope, TenantId};
