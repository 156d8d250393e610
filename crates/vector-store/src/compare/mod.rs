//! Comparison of the contexts of a tenant in two stores.
//!
//! Sparse vectors and token counts are ignored: an import recomputes them, by rules that may have changed. An outage of
//! either store is waited out for two minutes.

mod checksum;

use std::cmp::Ordering;
use std::time::Duration;
use std::vec::IntoIter;

use context_manager_core::context::ContextId;
use context_manager_core::ports::{ListRequest, Order, Record, StoreError, StoreErrorKind, VectorStore};
use context_manager_core::{Cursor, Filter, Page, Scope};
use context_manager_resilience::{Deadline, Retry, Verdict};

pub use checksum::Checksum;
use checksum::Summing;

/// Number of records per read: a fraction of a second of work for either store.
const PAGE: usize = 200;

/// Maximum duration of an outage.
const PATIENCE: Duration = Duration::from_mins(2);

/// Backoff between retries during an outage: at most two seconds.
const RETRY: Retry = Retry {
    max_retries: usize::MAX,
    backoff_ms: 100,
    max_backoff_ms: 2_000,
};

/// Maximum difference between numbers of the same vector. Stores scale vectors to length 1, which may change their last
/// digits.
const TOLERANCE: f32 = 1e-5;

/// Differences between two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// Contexts of the first store.
    pub from: Side,
    /// Contexts of the other store.
    pub to: Side,
    /// Number of contexts that only the first store has.
    pub missing: u64,
    /// Number of contexts that only the other store has.
    pub extra: u64,
    /// Number of contexts that differ.
    pub different: u64,
}

/// Contexts of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Number of contexts.
    pub count: u64,
    /// Checksum over all contexts.
    pub checksum: Checksum,
}

impl Comparison {
    /// Returns `true` if both stores hold the same contexts.
    pub fn is_equal(&self) -> bool {
        self.missing + self.extra + self.different == 0 && self.from == self.to
    }
}

/// Compares the matching contexts of a tenant in both stores. Calls `progress` with the number of contexts of the first store
/// compared since the last call.
///
/// # Errors
/// [`StoreError`] when a store failed, or did not recover in time.
pub async fn compare(
    from: &dyn VectorStore,
    to: &dyn VectorStore,
    scope: &Scope,
    filter: &Filter,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Comparison, StoreError> {
    let (mut left, mut right) = (Reading::of(from, scope, filter), Reading::of(to, scope, filter));
    let (mut missing, mut extra, mut different) = (0, 0, 0);
    let (mut a, mut b) = (left.next().await?, right.next().await?);
    loop {
        let order = match (&a, &b) {
            (Some(a), Some(b)) => sort_key(a).cmp(&sort_key(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => missing += 1,
            Ordering::Greater => extra += 1,
            Ordering::Equal => different += u64::from(!a.iter().zip(&b).all(|(a, b)| is_same(a, b))),
        }
        if order.is_le() {
            a = left.next().await?;
            progress(1);
        }
        if order.is_ge() {
            b = right.next().await?;
        }
    }
    Ok(Comparison {
        from: left.finish(),
        to: right.finish(),
        missing,
        extra,
        different,
    })
}

/// Returns the sort key of a record in lists.
fn sort_key(record: &Record) -> (u64, ContextId) {
    (record.context.sequence, record.context.id)
}

/// Reader of the matching records of a tenant, with their count and checksum so far.
struct Reading<'a> {
    store: &'a dyn VectorStore,
    scope: &'a Scope,
    filter: &'a Filter,
    page: IntoIter<Record>,
    after: Option<Cursor>,
    begun: bool,
    count: u64,
    sum: Summing,
}

impl<'a> Reading<'a> {
    fn of(store: &'a dyn VectorStore, scope: &'a Scope, filter: &'a Filter) -> Self {
        Self {
            store,
            scope,
            filter,
            page: Vec::new().into_iter(),
            after: None,
            begun: false,
            count: 0,
            sum: Summing::default(),
        }
    }

    async fn next(&mut self) -> Result<Option<Record>, StoreError> {
        loop {
            if let Some(mut record) = self.page.next() {
                record.context.token_count = 0;
                self.count += 1;
                self.sum.add(self.scope, &record)?;
                return Ok(Some(record));
            }
            if self.begun && self.after.is_none() {
                return Ok(None);
            }
            let page = self.read().await?;
            self.begun = true;
            self.after = page.next;
            self.page = page.items.into_iter();
        }
    }

    /// Reads the next page, oldest first, and retries until the store answers.
    async fn read(&self) -> Result<Page<Record>, StoreError> {
        let request = ListRequest {
            filter: self.filter.clone(),
            order: Order::OldestFirst,
            after: self.after,
            limit: PAGE,
            with_vectors: true,
        };
        let judge = |error: &StoreError| match error.kind {
            StoreErrorKind::Unavailable(after) => Verdict::Retry(after),
            StoreErrorKind::DiskFull | StoreErrorKind::DimensionMismatch { .. } | StoreErrorKind::Internal => {
                Verdict::GiveUp
            }
        };
        let list = || self.store.list(self.scope, request.clone());
        RETRY.run(Deadline::after(PATIENCE), judge, list).await
    }

    fn finish(self) -> Side {
        Side {
            count: self.count,
            checksum: self.sum.finish(),
        }
    }
}

/// Returns `true` if two records are equal but for the last digits of a vector.
fn is_same(a: &Record, b: &Record) -> bool {
    let vectors_agree = match (&a.dense, &b.dense) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    vectors_agree && a.context == b.context
}
