//! Recall of the vector index, measured by repeating some live searches exactly in the background, one at a time.
//!
//! Only vector searches are sampled: the index of sparse vectors is exact.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::Scope;
use crate::metrics::{RECALL_AT_K, RECALL_SAMPLES};
use crate::ports::{Candidate, StoreError, StoreQuery, VectorStore};

/// Number of nearest contexts that are compared.
const K: usize = 10;
/// Pause after a comparison as a multiple of its duration, so that comparisons take at most 2 % of the time.
const REST: u32 = 50;
/// Tolerance of equal scores: sums of floats in any order, of vectors that may be rounded.
const EQUAL: f32 = 1e-4;

/// Sampler of live searches, which holds one until it is compared.
#[derive(Debug)]
pub(crate) struct RecallSampling {
    /// Sampling interval in searches; `None` for no sampling.
    one_in: Option<u64>,
    searches: AtomicU64,
    waiting: Mutex<Option<Sample>>,
    arrived: Notify,
}

/// A sampled search with the similarities that it found.
pub(super) struct Sample {
    scope: Scope,
    query: StoreQuery,
    found: Vec<f32>,
}

impl fmt::Debug for Sample {
    /// Omits the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample")
            .field("found", &self.found.len())
            .finish_non_exhaustive()
    }
}

impl RecallSampling {
    /// Samples this share of all searches.
    pub(crate) fn new(ratio: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded, at least 1, and saturating"
        )]
        let one_in = (ratio > 0.0).then(|| (1.0 / ratio).round().max(1.0) as u64);
        Self {
            one_in,
            searches: AtomicU64::new(0),
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// Returns the search as a sample if it is its turn.
    pub(super) fn chooses(&self, scope: &Scope, query: &StoreQuery) -> Option<Sample> {
        let one_in = self.one_in?;
        let dense = query.dense.as_ref()?;
        // The first one, too, so that a server with few searches has a figure.
        if !self.searches.fetch_add(1, Ordering::Relaxed).is_multiple_of(one_in) {
            return None;
        }
        Some(Sample {
            scope: scope.clone(),
            query: StoreQuery {
                dense: Some(dense.clone()),
                terms: None,
                filter: query.filter.clone(),
                limit: query.limit.min(K),
                exact: true,
            },
            found: Vec::new(),
        })
    }

    /// Hands a sample over with its result; it is dropped while another one waits.
    pub(super) fn offer(&self, mut sample: Sample, found: &[Candidate]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_some() {
            count("skipped");
            return;
        }
        sample.found = similarities(found);
        *waiting = Some(sample);
        drop(waiting);
        self.arrived.notify_one();
    }

    async fn next(&self) -> Sample {
        loop {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            match waiting {
                Some(sample) => return sample,
                None => self.arrived.notified().await,
            }
        }
    }

    /// Compares samples and records their recall, without end.
    pub(crate) async fn keep_measuring(&self, store: &dyn VectorStore) {
        loop {
            let sample = self.next().await;
            let start = Instant::now();
            match measure(store, sample).await {
                Ok(()) => count("compared"),
                Err(error) => {
                    tracing::debug!(%error, "a search was not repeated exactly: the store failed");
                    count("failed");
                }
            }
            sleep(start.elapsed() * REST).await;
        }
    }
}

async fn measure(store: &dyn VectorStore, sample: Sample) -> Result<(), StoreError> {
    let exact = store.search(&sample.scope, sample.query).await?;
    if let Some(recall) = recall(&sample.found, &similarities(&exact)) {
        metrics::histogram!(RECALL_AT_K, "store" => store.name()).record(recall);
    }
    Ok(())
}

fn count(outcome: &'static str) {
    metrics::counter!(RECALL_SAMPLES, "outcome" => outcome).increment(1);
}

fn similarities(found: &[Candidate]) -> Vec<f32> {
    found.iter().filter_map(|candidate| candidate.dense).collect()
}

/// Returns the share of the nearest contexts that was found; `None` if there are none. Compares similarities instead of
/// ids, as equally near contexts are interchangeable.
fn recall(found: &[f32], nearest: &[f32]) -> Option<f64> {
    let farthest = nearest.iter().copied().min_by(f32::total_cmp)?;
    let as_near = found
        .iter()
        .filter(|similarity| **similarity >= farthest - EQUAL)
        .count();
    #[expect(clippy::cast_precision_loss, reason = "both are at most ten")]
    Some(as_near.min(nearest.len()) as f64 / nearest.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, TenantId};

    fn query() -> StoreQuery {
        StoreQuery {
            dense: Some(vec![1.0]),
            terms: None,
            filter: Filter::default(),
            limit: 64,
            exact: false,
        }
    }

    fn scope() -> Scope {
        Scope::authenticated(TenantId::try_new("acme").unwrap())
    }

    #[test]
    fn recall_is_the_share_of_the_nearest_that_was_found() {
        assert_eq!(recall(&[0.9, 0.8, 0.1], &[0.9, 0.8]), Some(1.0));
        assert_eq!(recall(&[0.9, 0.1], &[0.9, 0.8]), Some(0.5));
        assert_eq!(recall(&[], &[0.9]), Some(0.0));
        // Two of three equally near contexts were requested.
        assert_eq!(recall(&[0.5, 0.5, 0.5], &[0.5, 0.5]), Some(1.0));
        assert_eq!(recall(&[0.9], &[]), None);
    }

    #[test]
    fn one_in_n_vector_searches_is_sampled() {
        let chosen = |ratio| {
            let sampling = RecallSampling::new(ratio);
            (0..1000)
                .filter(|_| sampling.chooses(&scope(), &query()).is_some())
                .count()
        };
        assert_eq!((chosen(0.01), chosen(1.0), chosen(0.0)), (10, 1000, 0));
        let by_words = StoreQuery { dense: None, ..query() };
        assert!(RecallSampling::new(1.0).chooses(&scope(), &by_words).is_none());
    }

    #[tokio::test]
    async fn only_one_sample_waits() {
        let sampling = RecallSampling::new(1.0);
        let sample = || sampling.chooses(&scope(), &query()).unwrap();
        sampling.offer(sample(), &[]);
        sampling.offer(sample(), &[]);
        assert!(sampling.next().await.query.exact);
        assert!(sampling.waiting.lock().unwrap().is_none());
    }
}
