//! Bringing every context from one store into another, and making sure that it came through.
//!
//! Everything comes along: text, times, places in sessions, vectors and words; only vectors of a second model stay behind.
//! The source is only read. What the target has already is passed over, so that a copy that was interrupted, however it
//! was, goes on when it is made again. An outage of either store is waited out for two minutes.
//!
//! Nobody should write to either store meanwhile: what comes later may not come along, and shows as a difference.

mod checksum;
mod compare;

use std::collections::HashMap;
use std::time::Duration;

use context_manager_core::context::ContextId;
use context_manager_core::ports::{ListRequest, Order, Record, StoreError, StoreErrorKind, VectorStore};
use context_manager_core::{Cursor, Page, Scope};
use context_manager_resilience::{Deadline, Retry, Verdict};

pub use checksum::Checksum;
pub use compare::{Comparison, Side, compare};

/// Records read and written at once: a fraction of a second's work for either store.
const PAGE: usize = 200;

/// How long an outage is waited out.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often is asked again meanwhile: not less often than every two seconds.
const RETRY: Retry = Retry {
    max_retries: usize::MAX,
    backoff_ms: 100,
    max_backoff_ms: 2_000,
};

/// The largest difference between two numbers of the same vector. Stores bring vectors to length 1, which may change the
/// last digits of one that has that length.
const TOLERANCE: f32 = 1e-5;

/// What was done to copy a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Contexts of the source.
    pub read: u64,
    /// Those that were not in the target yet, or not the same.
    pub written: u64,
}

/// Brings everything of a tenant from one store into the other. `progress` is told how many contexts were done since it
/// was told last.
///
/// # Errors
/// [`StoreError`] when a store failed, or did not come back in time.
pub async fn copy(
    from: &dyn VectorStore,
    to: &dyn VectorStore,
    scope: &Scope,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Copied, StoreError> {
    let mut copied = Copied::default();
    let mut after = None;
    // Once the end of what is there is reached, nothing more is looked for.
    let mut there_is_more = true;
    loop {
        let page = read(from, scope, after).await?;
        let count = page.items.len() as u64;
        let known = if there_is_more {
            read(to, scope, after).await?
        } else {
            Page {
                items: Vec::new(),
                next: None,
            }
        };
        there_is_more = known.next.is_some();
        let known: HashMap<ContextId, Record> = known
            .items
            .into_iter()
            .map(|record| (record.context.id, record))
            .collect();
        let is_new = |record: &Record| {
            known
                .get(&record.context.id)
                .is_none_or(|known| !is_same(record, known))
        };
        let new: Vec<Record> = page.items.into_iter().filter(is_new).collect();
        copied.read += count;
        copied.written += new.len() as u64;
        for chunk in new.chunks(PAGE) {
            patiently(|| to.upsert(scope, chunk.to_vec())).await?;
        }
        progress(count);
        after = page.next;
        if after.is_none() {
            return Ok(copied);
        }
    }
}

/// One page, those stored first first.
async fn read(store: &dyn VectorStore, scope: &Scope, after: Option<Cursor>) -> Result<Page<Record>, StoreError> {
    let request = ListRequest {
        order: Order::OldestFirst,
        after,
        limit: PAGE,
        with_vectors: true,
        ..ListRequest::default()
    };
    patiently(|| store.list(scope, request.clone())).await
}

/// Makes a call again until it succeeds, as long as the store is only unavailable.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(call: impl FnMut() -> F) -> Result<T, StoreError> {
    let judge = |error: &StoreError| match error.kind {
        StoreErrorKind::Unavailable(after) => Verdict::Retry(after),
        StoreErrorKind::DimensionMismatch { .. } | StoreErrorKind::Internal => Verdict::GiveUp,
    };
    RETRY.run(Deadline::after(PATIENCE), judge, call).await
}

/// Whether two records are the same, but for the last digits of a vector.
fn is_same(a: &Record, b: &Record) -> bool {
    let vectors_agree = match (&a.dense, &b.dense) {
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= TOLERANCE),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    vectors_agree && a.context == b.context && a.terms == b.terms
}
