//! Storage and retrieval of contexts by vector, by terms and by filter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::context::{ContentKey, Context, ContextId, Level};
use crate::lexical::SparseVector;
use crate::{Cursor, Filter, Page, Scope, TenantId};

/// Cause of an error, of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Durable store of contexts.
///
/// Every call is confined to its `scope`: no implementation may return, count, change or delete another tenant's
/// context, and an id of another tenant is an unknown id. A write that returned `Ok` is visible to every later call
/// and survives a crash of the process. A write that failed or was cancelled leaves its outcome unknown: it may be applied,
/// also at the next start, as engines log a write before they apply it. Writes are idempotent by id. Every call returns a
/// [`StoreError`] if the store fails.
#[async_trait]
pub trait VectorStore: fmt::Debug + Send + Sync + 'static {
    /// Returns the name of this kind of store in metrics.
    fn name(&self) -> &'static str;

    /// Inserts or replaces records by id, all of them or none.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written if a vector has the wrong size or a number
    /// that is not finite.
    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError>;

    /// Inserts or replaces `new` by id and atomically replaces those of `changed` that are still stored. Returns the ids of
    /// `changed` that were replaced, each once and in any order.
    ///
    /// Changed records whose id is not stored were deleted meanwhile; they are skipped and never created. All of a call is
    /// acknowledged or none, and no read of an embedded store sees one part without the other, at any size. A server may show
    /// `new` a moment before `changed`, but never the reverse. No id is in both.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written if a vector has the wrong size or a number
    /// that is not finite.
    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError>;

    /// Replaces stored contexts without their vectors and terms; unknown ids are skipped.
    ///
    /// The text must not change, as its vector and terms would no longer match.
    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError>;

    /// Compares and updates: of each pair, writes the second context as [`VectorStore::update`] does if the first is still
    /// stored. Returns the ids of those written; contexts that another process changed or deleted are skipped.
    ///
    /// The default neither compares nor skips ids in what it returns: a process that has the store to itself holds a lock from
    /// reading to writing.
    async fn update_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Context)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let ids = changes.iter().map(|(_, new)| new.id).collect();
        self.update(scope, changes.into_iter().map(|(_, new)| new).collect())
            .await?;
        Ok(ids)
    }

    /// Compares and updates as [`VectorStore::update_unchanged`], and replaces the vectors too.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written if a vector has the wrong size or a number
    /// that is not finite.
    async fn replace_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Record)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let changed = changes.into_iter().map(|(_, new)| new).collect();
        self.replace(scope, Vec::new(), changed).await
    }

    /// Stores the vectors of contexts, and their new [`Context::embedded`], if they are otherwise unchanged. Contexts that
    /// another process changed or deleted are skipped; a store with one process need not compare.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written if a vector has the wrong size or a number
    /// that is not finite.
    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError>;

    /// Returns the contexts with these ids, in the order of `ids`; unknown ids are skipped.
    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError>;

    /// Returns the contexts, at any level, with one of these content keys, in any order.
    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError>;

    /// Returns the matching contexts at these session offsets (see [`SessionTrack`](crate::context::SessionTrack)) with
    /// vectors and terms, in any order. Every search calls this once with some hundred offsets.
    async fn at_offsets(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError>;

    /// Returns a page of the matching contexts, in the order of [`Context::sequence`].
    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError>;

    /// Returns the tenants with a matching context, for maintenance in one scope after the other. Ids in the filter match
    /// nothing, as they belong to one tenant.
    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError>;

    /// Returns the exact number of matching contexts.
    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError>;

    /// Deletes the matching contexts for good and returns their exact number. A restore of a
    /// [snapshot](super::Snapshots) does not bring them back.
    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError>;

    /// Deletes the matching contexts as [`VectorStore::delete`], but revocably: a restore may bring them back.
    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.delete(scope, filter).await
    }

    /// Returns the best matches by vector and the best by terms, as one list without order or duplicates.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] if the query vector has the wrong size.
    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError>;

    /// Returns the terms of up to `limit` matching contexts: a random sample that stays the same until contexts change.
    /// Contexts without terms may be among them.
    async fn sample_terms(&self, scope: &Scope, filter: &Filter, limit: usize)
    -> Result<Vec<SparseVector>, StoreError>;

    /// Returns a page of the sessions with a matching context, by ascending `session_id` after `after`. Other contexts do not
    /// count. A session that begins during a listing may be missing from later pages.
    async fn sessions(
        &self,
        scope: &Scope,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError>;

    /// Returns the scopes of the matching contexts, each once and in any order, with the exact number of these contexts in it.
    async fn count_scopes(&self, scope: &Scope, filter: &Filter) -> Result<Vec<(String, u64)>, StoreError>;

    /// Returns `true` if other processes may write to the store, so that nothing read from it may be cached.
    fn is_shared(&self) -> bool {
        false
    }

    /// Allocates positions in sessions (see [`SessionTrack`](crate::context::SessionTrack)) exclusively among the processes
    /// on this store, and returns the first of each range; `None` for a session without a counter, unless
    /// [`OffsetRange::at_least`] starts one.
    ///
    /// The default allocates nothing: a process that has the store to itself ([`VectorStore::is_shared`]) counts itself.
    ///
    /// # Errors
    /// [`StoreError`] if the store failed; some positions may then stay unused.
    async fn take_offsets(
        &self,
        _scope: &Scope,
        wanted: &[OffsetRange],
        _now: Timestamp,
    ) -> Result<Vec<Option<u32>>, StoreError> {
        Ok(vec![None; wanted.len()])
    }

    /// Counts an access to each of these contexts, of which the given number of accesses is known, beside the contexts. Returns
    /// `false` if the store cannot: the caller then changes the contexts.
    ///
    /// The counts show in every context that the store returns, and survive a crash of the process.
    async fn count_accesses(
        &self,
        _scope: &Scope,
        _served: &[(ContextId, u64)],
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Returns the fingerprint of the analyzer that made the terms of all contexts; `None` if none was set.
    async fn analyzer(&self) -> Result<Option<String>, StoreError>;

    /// Keeps the fingerprint of the analyzer, durably and after all writes that were acknowledged before.
    async fn set_analyzer(&self, fingerprint: &str) -> Result<(), StoreError>;

    /// Returns damage and failures of a store that still works, each as a sentence for operators without text, ids or paths.
    async fn troubles(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the use of the memory for contexts, of all tenants; `None` if the store keeps none in memory.
    async fn memory(&self) -> Option<MemoryUse> {
        None
    }

    /// Returns the size of the whole store in bytes, for operators; 0 if unknown.
    async fn size_bytes(&self) -> Result<u64, StoreError>;

    /// Makes everything acknowledged so far survive a power failure.
    async fn flush(&self) -> Result<(), StoreError>;
}

/// Context with its vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Context.
    pub context: Context,
    /// Dense vector; `None` if it is pending, or vectors were not requested.
    pub dense: Option<Vec<f32>>,
    /// Sparse vector; empty if vectors were not requested.
    pub terms: SparseVector,
}

/// Request for a page of contexts.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Filter.
    pub filter: Filter,
    /// Order of the list.
    pub order: Order,
    /// Cursor after which the page begins.
    pub after: Option<Cursor>,
    /// Maximum number of contexts.
    pub limit: usize,
    /// Returns dense and sparse vectors too.
    pub with_vectors: bool,
}

/// Order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Descending by sequence number.
    #[default]
    NewestFirst,
    /// Ascending by sequence number.
    OldestFirst,
}

/// Search by vector, by terms, or both.
#[derive(Debug, Clone)]
pub struct StoreQuery {
    /// Dense vector of the question.
    pub dense: Option<Vec<f32>>,
    /// Sparse vector of the question. Its weights include the IDF, which stores do not know.
    pub terms: Option<SparseVector>,
    /// Filter.
    pub filter: Filter,
    /// Maximum number of matches by vector, and by terms.
    pub limit: usize,
    /// Compares every vector instead of using an index, which may miss some.
    pub exact: bool,
}

/// Match of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Context with its vectors. The dense one may be a rounded copy of the stored one, with cosines to 0.0001.
    pub record: Arc<Record>,
    /// Cosine with the question's vector, if it is among the best by vector.
    pub dense: Option<f32>,
    /// Dot product with the question's sparse vector, if it is among the best by terms.
    pub lexical: Option<f32>,
}

/// Range of positions in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetRange {
    /// Id of the session.
    pub session_id: String,
    /// Number of positions; 0 takes none, but raises the counter of a session to `at_least`.
    pub count: u32,
    /// Lowest position to take, if the caller knows it.
    pub at_least: Option<u32>,
}

/// Use of the memory for contexts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Maximum size in bytes.
    pub budget_bytes: u64,
    /// Approximate size in bytes.
    pub bytes: u64,
    /// Number of tenants in memory.
    pub tenants: u64,
    /// Number of their contexts.
    pub contexts: u64,
}

/// Summary of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Id of the session.
    pub session_id: String,
    /// Number of matching contexts at each level, in the order of [`Level::ALL`].
    pub counts: [u64; Level::ALL.len()],
    /// Time of its first matching context.
    pub first_activity_at: Timestamp,
    /// Time of its last matching context.
    pub last_activity_at: Timestamp,
}

/// Error of a call to a store.
#[derive(Debug, thiserror::Error)]
#[error("store cannot {operation}: {kind}")]
pub struct StoreError {
    /// Operation that failed.
    pub operation: &'static str,
    /// Kind of the error.
    pub kind: StoreErrorKind,
    /// Cause, for logs.
    #[source]
    pub source: Option<BoxError>,
}

/// Kind of a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// The store is unavailable; a retry may succeed after this delay, if it is known.
    #[error("it is unavailable")]
    Unavailable(Option<Duration>),
    /// The disk is full; writes fail until there is space.
    #[error("its disk is full")]
    DiskFull,
    /// A vector has another size than the store's; a retry is pointless.
    #[error("a vector has {actual} dimensions instead of {expected}, or a number that is not finite")]
    DimensionMismatch {
        /// Size of the store's vectors.
        expected: usize,
        /// Size of this vector.
        actual: usize,
    },
    /// Unexpected failure.
    #[error("it failed")]
    Internal,
}
