//! Keeping contexts and finding them again by vector, by words and by filter.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::context::{ContentKey, Context, ContextId, Level};
use crate::lexical::SparseVector;
use crate::{Cursor, Filter, Page, Scope, TenantId, Visibility};

/// A cause of an error, of whatever type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps contexts durably and finds them.
///
/// Every call is confined to its `scope`: no implementation may return, count, change or delete another tenant's
/// context, and an id of another tenant is an unknown id. A write that returned `Ok` is visible to every later call
/// and survives a crash of the process. A write that failed or was cancelled leaves its outcome unknown: it may be applied,
/// also at the next start, as engines log a write before they apply it. Writes are idempotent by id.
#[async_trait]
pub trait VectorStore: fmt::Debug + Send + Sync + 'static {
    /// What this kind of store is called in metrics.
    fn name(&self) -> &'static str;

    /// Inserts or replaces records by id. All of them are written or none is acknowledged.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written when a vector has the wrong size or a number
    /// that is not finite.
    async fn upsert(&self, scope: &Scope, records: Vec<Record>) -> Result<(), StoreError>;

    /// Inserts or replaces `new` by id and, in the same step, replaces those of `changed` that are still stored. Returns the
    /// ids of `changed` that were, each once and in no order.
    ///
    /// A changed record whose id is not stored was deleted meanwhile: it is passed over and never created. All of a call is
    /// written or none is acknowledged, and no read of an embedded store sees one part without the other, at any size. A
    /// server may show `new` a moment before it shows `changed`, and never the other way round. No id is in both.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written when a vector has the wrong size or a number
    /// that is not finite.
    async fn replace(
        &self,
        scope: &Scope,
        new: Vec<Record>,
        changed: Vec<Record>,
    ) -> Result<Vec<ContextId>, StoreError>;

    /// Replaces everything but the vectors and the words of stored contexts; ids that are not stored are passed over.
    ///
    /// The text must not change: its vector and words would no longer be its own.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn update(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError>;

    /// As [`VectorStore::update`], for contexts that are still as they were read: the first of each pair is the context as
    /// read, the second as it is to be stored. Returns the ids of those written; one that another process changed or deleted
    /// meanwhile is passed over.
    ///
    /// The default does not compare: if one process alone has the store, it holds a lock from reading to writing.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
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

    /// As [`VectorStore::update_unchanged`], and replaces vectors and words, too.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written when a vector has the wrong size or a number
    /// that is not finite.
    async fn replace_unchanged(
        &self,
        scope: &Scope,
        changes: Vec<(Context, Record)>,
    ) -> Result<Vec<ContextId>, StoreError> {
        let changed = changes.into_iter().map(|(_, new)| new).collect();
        self.replace(scope, Vec::new(), changed).await
    }

    /// Stores the vectors of contexts that are still as given but for [`Context::embedded`], which is stored as given. One
    /// that another process changed or deleted meanwhile is passed over; if one process alone has the store, the store need
    /// not compare.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] before anything is written when a vector has the wrong size or a number
    /// that is not finite.
    async fn set_vectors(&self, scope: &Scope, embedded: Vec<(Context, Vec<f32>)>) -> Result<(), StoreError>;

    /// The contexts with these ids, in the order of `ids`; unknown ids are passed over.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn get(&self, scope: &Scope, ids: &[ContextId]) -> Result<Vec<Context>, StoreError>;

    /// The contexts, at any level, with one of these content keys, in no order.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn find_by_content(&self, scope: &Scope, keys: &[ContentKey]) -> Result<Vec<Context>, StoreError>;

    /// What stands at one of these places in sessions (see [`SessionTrack`](crate::context::SessionTrack)) and matches,
    /// with vectors and words, in no order. Every search asks this once for some hundred places.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn at_slots(&self, scope: &Scope, slots: &[i64], filter: &Filter) -> Result<Vec<Arc<Record>>, StoreError>;

    /// One page of what matches, in the order of [`Context::sequence`].
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn list(&self, scope: &Scope, request: ListRequest) -> Result<Page<Record>, StoreError>;

    /// The tenants that have a context that matches, for maintenance, which then works in the scope of one after the
    /// other. Ids in the filter match nothing: they are a tenant's own.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn tenants(&self, filter: &Filter) -> Result<Vec<TenantId>, StoreError>;

    /// Exactly how many match.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn count(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError>;

    /// Deletes everything that matches for good, and returns exactly how many that were. A store that can be set back to
    /// an earlier state ([`Snapshots`](super::Snapshots)) does not bring them back.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError>;

    /// As [`VectorStore::delete`], for what nobody asked to be forgotten: going back to an earlier state may bring it back.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn discard(&self, scope: &Scope, filter: &Filter) -> Result<u64, StoreError> {
        self.delete(scope, filter).await
    }

    /// The best matches by vector and the best by words, as one list without order or repetition.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`] when the query vector has the wrong size.
    async fn search(&self, scope: &Scope, query: StoreQuery) -> Result<Vec<Candidate>, StoreError>;

    /// The words of up to `limit` contexts that match, chosen without regard to what they hold or when they were
    /// stored, and the same ones as long as nothing changes. Contexts without words may be among them.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn sample_terms(&self, scope: &Scope, filter: &Filter, limit: usize)
    -> Result<Vec<SparseVector>, StoreError>;

    /// One page of the sessions that hold a visible context, by `session_id` ascending, starting after `after`. What is not
    /// visible counts for nothing. A session that began while a listing runs may be missing from its later pages.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn sessions(
        &self,
        scope: &Scope,
        visibility: Visibility,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, StoreError>;

    /// Says that other processes may write to the store too, so that nothing read from it may be kept in memory and
    /// believed later.
    fn is_shared(&self) -> bool {
        false
    }

    /// Takes positions in sessions (see [`SessionTrack`](crate::context::SessionTrack)) that no other process on this store
    /// is given, and returns the first of each range. `None` for a session that is not counted yet, unless
    /// [`PositionRange::at_least`] says where it begins.
    ///
    /// The default counts nothing: where one process alone has the store ([`VectorStore::is_shared`]), it counts by itself.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed; positions may be left out then.
    async fn take_positions(
        &self,
        _scope: &Scope,
        wanted: &[PositionRange],
        _now: Timestamp,
    ) -> Result<Vec<Option<u32>>, StoreError> {
        Ok(vec![None; wanted.len()])
    }

    /// Damage and failures of a store that works all the same, each as a sentence for operators, without text, ids or
    /// paths; empty when it is well.
    async fn troubles(&self) -> Vec<String> {
        Vec::new()
    }

    /// How many bytes the whole store takes, for operators; 0 where it cannot be told.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn size_bytes(&self) -> Result<u64, StoreError>;

    /// Makes everything acknowledged so far survive a power loss.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn flush(&self) -> Result<(), StoreError>;
}

/// A context with what search needs to find it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The context itself.
    pub context: Context,
    /// Its vector; `None` while it is not embedded, or when vectors were not asked for.
    pub dense: Option<Vec<f32>>,
    /// Its words; empty when vectors were not asked for.
    pub terms: SparseVector,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    /// Which contexts.
    pub filter: Filter,
    /// Which come first.
    pub order: Order,
    /// Only those that come after this one in that order.
    pub after: Option<Cursor>,
    /// At most this many.
    pub limit: usize,
    /// Whether to return vectors and words too.
    pub with_vectors: bool,
}

/// Which contexts of a list come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Those stored last.
    #[default]
    NewestFirst,
    /// Those stored first.
    OldestFirst,
}

/// What to search for: by vector, by words, or both.
#[derive(Debug, Clone)]
pub struct StoreQuery {
    /// The question's vector.
    pub dense: Option<Vec<f32>>,
    /// The question's words, each with what it counts for. How rare a word is has to be in there: a store does not know.
    pub terms: Option<SparseVector>,
    /// Which contexts may be found.
    pub filter: Filter,
    /// At most this many by vector, and as many by words.
    pub limit: usize,
    /// Whether to compare every vector instead of asking an index, which may miss some.
    pub exact: bool,
}

/// A context that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The context, with its vector and words. Shared, as stores keep what is asked for often.
    pub record: Arc<Record>,
    /// Cosine with the question's vector, if it was among the best by vector.
    pub dense: Option<f32>,
    /// Sum over shared words of the product of both weights, if it was among the best by words.
    pub lexical: Option<f32>,
}

/// Consecutive positions in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionRange {
    /// The session.
    pub session_id: String,
    /// Number of positions; with 0 none is taken, and a session that is counted goes on at `at_least` or later.
    pub count: u32,
    /// The lowest position that may be taken, if the caller has looked for it.
    pub at_least: Option<u32>,
}

/// A session at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Its id.
    pub session_id: String,
    /// Number of its visible contexts at each level, as in [`Level::ALL`].
    pub counts: [u64; Level::ALL.len()],
    /// When the first of them was stored.
    pub first_activity_at: Timestamp,
    /// When the last of them was stored.
    pub last_activity_at: Timestamp,
}

/// Why a store call failed.
#[derive(Debug, thiserror::Error)]
#[error("store cannot {operation}: {kind}")]
pub struct StoreError {
    /// What was tried.
    pub operation: &'static str,
    /// What a caller can do about it.
    pub kind: StoreErrorKind,
    /// The cause, for logs.
    #[source]
    pub source: Option<BoxError>,
}

/// What a caller can do about a failed store call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// Try again later, if known after this long.
    #[error("it is unavailable")]
    Unavailable(Option<Duration>),
    /// Its disk is full: nothing can be stored or changed until there is room again.
    #[error("its disk is full")]
    DiskFull,
    /// A vector has another size than the store's; trying again is of no use.
    #[error("a vector has {actual} dimensions instead of {expected}, or a number that is not finite")]
    DimensionMismatch {
        /// The store's size.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// It failed in a way it should not.
    #[error("it failed")]
    Internal,
}
