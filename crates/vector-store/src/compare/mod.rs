//! What two stores have of a tenant, side by side.
//!
//! Words and counts of tokens do not count: who reads an export makes them anew, by rules that may have changed. An outage
//! of either store is waited out for two minutes.

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

/// Records read at once: a fraction of a second's work for either store.
const PAGE: usize = 200;

/// Longest outage that is waited out.
const PATIENCE: Duration = Duration::from_mins(2);

/// Backoff between retries during an outage: at most two seconds.
const RETRY: Retry = Retry {
    max_retries: usize::MAX,
    backoff_ms: 100,
    max_backoff_ms: 2_000,
};

/// The largest difference between two numbers of the same vector. Stores bring vectors to length 1, which may change the
/// last digits of one that has that length.
const TOLERANCE: f32 = 1e-5;

/// What two stores have of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The first one.
    pub from: Side,
    /// The other one.
    pub to: Side,
    /// How many contexts only the first one has.
    pub missing: u64,
    /// How many contexts only the other one has.
    pub extra: u64,
    /// How many contexts are not the same in both.
    pub different: u64,
}

/// What one store has of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// How many contexts.
    pub count: u64,
    /// One number for all of them.
    pub checksum: Checksum,
}

impl Comparison {
    /// Whether both have the same.
    pub fn is_equal(&self) -> bool {
        self.missing + self.extra + self.different == 0 && self.from == self.to
    }
}

/// Reads what matches of a tenant from both stores and compares it. `progress` is told how many contexts of the first one
/// were done since it was told last.
///
/// # Errors
/// [`StoreError`] when a store failed, or did not come back in time.
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
            (Some(a), Some(b)) => place(a).cmp(&place(b)),
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

/// Where a record stands in the lists of every store.
fn place(record: &Record) -> (u64, ContextId) {
    (record.context.sequence, record.context.id)
}

/// Matching records of a tenant, read one after the other, with the count and checksum of those read so far.
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

    /// The next page, those stored first first. Asks again until the store is there.
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

/// Returns whether two records are the same, but for the last digits of a vector.
fn is_same(a: &Record, b: &Record) -> bool {
    let vectors_agree = match (&a.dense, &b.dense) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    vectors_agree && a.context == b.context
}
