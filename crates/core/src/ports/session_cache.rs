//! Cache of working memory: the immediate contexts of each session, kept coherent with the store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Record, StoreError};
use crate::context::Context;
use crate::{Filter, TenantId};

/// Cache of the immediate contexts of each session.
///
/// Entries are copies of what the store holds, so that losing them costs a read. They are never older than the store:
/// every write is [announced](Self::begin) before it reaches the store and [applied](Self::commit) after. While a write of
/// another process is under way, or its outcome is unknown, its sessions are not answered from the cache; and what a reader
/// has read from the store is cached only if no write began since it found the session missing.
///
/// A cache that cannot be reached says so, and the store answers.
#[async_trait]
pub trait SessionCache: fmt::Debug + Send + Sync + 'static {
    /// Returns the entries of a session, oldest first.
    async fn get(&self, key: &SessionKey) -> Cached;

    /// Caches the contexts of a session, oldest first, as read from the store after [`Cached::Miss`]. Returns `false` if
    /// they may be stale, or there is no room.
    async fn fill(&self, key: &SessionKey, ticket: Ticket, records: &[Arc<Record>]) -> bool;

    /// Announces a write before it reaches the store. A write without a commit counts as one with an unknown outcome.
    ///
    /// # Errors
    /// [`StoreError`] when neither the cache can be told of the write, nor the other processes that they must not use it. The
    /// write must not be made.
    async fn begin(&self, tenant: &TenantId, affected: Affected) -> Result<Announced, StoreError>;

    /// Applies a write after it has reached the store, before it is acknowledged.
    async fn commit(&self, announced: Announced, changes: Vec<Change>);

    /// Puts all entries out of use, for all processes, as the store was replaced as a whole.
    async fn clear(&self);

    /// Returns the time since the last use of a session; `None` if it is not known.
    fn unused_for(&self, _key: &SessionKey) -> Option<Duration> {
        None
    }

    /// Removes sessions not used for `idle` from the memory of this process, and returns their number.
    fn evict_idle(&self, _idle: Duration) -> usize {
        0
    }

    /// Returns the number of contexts in the memory of this process.
    fn contexts(&self) -> usize {
        0
    }
}

/// Session of a tenant; `immediate` contexts without a session share one working memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Tenant.
    pub tenant: TenantId,
    /// Id of the session.
    pub session: Option<String>,
}

/// Answer of a cache.
#[derive(Debug, Clone, PartialEq)]
pub enum Cached {
    /// The immediate contexts of the session, oldest first.
    Hit(Vec<Arc<Record>>),
    /// The session is not cached; what is read from the store now may be, with this ticket.
    Miss(Ticket),
    /// The session is being written: the store answers, and nothing is cached.
    Busy,
    /// The cache cannot be reached.
    Unavailable,
}

/// State of a session in the cache, before it was read from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Changes with every write to the session.
    pub session: u64,
    /// Changes with every write to all sessions of the tenant.
    pub tenant: u64,
    /// Changes when all entries become stale at once.
    pub space: u64,
}

/// Sessions that a write affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Affected {
    /// These sessions of the tenant, each once.
    Sessions(Vec<Option<String>>),
    /// Any session of the tenant.
    Tenant,
}

/// Announced write.
#[derive(Debug)]
#[must_use = "a write that is not committed has an unknown outcome"]
pub struct Announced {
    /// Tenant.
    pub tenant: TenantId,
    /// Sessions that it affects.
    pub affected: Affected,
    /// Marks of the cache, of its own meaning.
    pub marks: Vec<u64>,
}

/// Change to the contexts of a session, or of several by a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new immediate context is the newest of its session.
    Added(Record),
    /// A context was replaced, with its vector and terms.
    Replaced(Record),
    /// A context was replaced; its vector and terms are the same.
    Updated(Context),
    /// A context without a vector got one, if it was otherwise unchanged; its terms are the same.
    Embedded(Context, Vec<f32>),
    /// Matching contexts were deleted.
    Deleted(Filter),
    /// The affected sessions changed in an unknown way.
    Unknown,
}
