//! Ports: traits for the store, the embedder and other parts that the engine is given.
//!
//! Each has at least two real implementations; nothing else is a trait. Errors are the domain's own, so that no types of
//! adapters leak in here.

mod clock;
mod embedder;
mod leases;
mod model_change;
mod reranker;
mod session_cache;
mod shared_documents;
mod snapshots;
mod summarizer;
mod token_counter;
mod token_table;
mod vector_store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use embedder::{
    CosineScale, EmbedError, EmbedErrorKind, Embedder, ModelFingerprint, OnWrite, Piece, QueryEmbedding,
};
pub use leases::Leases;
pub use model_change::{ModelChange, OtherModel, StoredModels};
pub use reranker::{RerankError, Reranker};
pub use session_cache::{Affected, Announced, Cached, Change, SessionCache, SessionKey, Ticket};
pub use shared_documents::{MAX_DOCUMENT_BYTES, MAX_LISTED_DOCUMENTS, SharedDocument, SharedDocuments};
pub use snapshots::{Snapshot, SnapshotError, Snapshots, Staged, Verified};
pub use summarizer::{SummarizeError, Summarizer};
pub use token_counter::TokenCounter;
pub use token_table::TokenTable;
pub use vector_store::{
    BoxError, Candidate, ListRequest, MemoryUse, OffsetRange, Order, Record, SessionSummary, StoreError,
    StoreErrorKind, StoreQuery, VectorStore,
};
