//! What the index misses: some live searches are repeated exactly in the background, one at a time.
//!
//! Only searches by vector: the index of words misses nothing.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::ContextEngine;
use crate::Scope;
use crate::metrics::{RECALL_AT_K, RECALL_SAMPLES};
use crate::ports::{Candidate, StoreError, StoreQuery};

/// How many of the nearest contexts are looked for.
const K: usize = 10;
/// After each comparison so many times its duration is waited, so that all of them take 2 % of the time at most.
const REST: u32 = 50;
/// Scores that differ by less are equal: they are sums of floats in whatever order.
const EQUAL: f32 = 1e-5;

/// Chooses searches, and keeps one until it is compared.
#[derive(Debug)]
pub(super) struct RecallSampling {
    /// One search in so many; `None` for none at all.
    one_in: Option<u64>,
    searches: AtomicU64,
    waiting: Mutex<Option<Sample>>,
    arrived: Notify,
}

/// A search that was chosen, and the likenesses of what it found.
pub(super) struct Sample {
    scope: Scope,
    query: StoreQuery,
    found: Vec<f32>,
}

impl fmt::Debug for Sample {
    /// Without the question.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample")
            .field("found", &self.found.len())
            .finish_non_exhaustive()
    }
}

impl RecallSampling {
    /// Chooses this part of all searches.
    pub(super) fn new(ratio: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded, at least 1, and what is too large is one search in very many"
        )]
        let one_in = (ratio > 0.0).then(|| (1.0 / ratio).round().max(1.0) as u64);
        Self {
            one_in,
            searches: AtomicU64::new(0),
            waiting: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    /// The search as a sample, if it is one to be repeated.
    pub(super) fn chooses(&self, scope: &Scope, query: &StoreQuery) -> Option<Sample> {
        let one_in = self.one_in?;
        let dense = query.dense.as_ref()?;
        // The first one too: a server that is seldom asked is to have a figure.
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

    /// Hands a sample over, with what was found. It is dropped while another one waits.
    pub(super) fn offer(&self, mut sample: Sample, found: &[Candidate]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_some() {
            count("skipped");
            return;
        }
        sample.found = likenesses(found);
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
}

impl ContextEngine {
    /// Repeats chosen searches exactly and records what they missed. It never returns, and is to be run once.
    pub async fn keep_measuring_recall(&self) {
        loop {
            let sample = self.recall.next().await;
            let start = Instant::now();
            match self.measure_recall(sample).await {
                Ok(()) => count("compared"),
                Err(error) => {
                    tracing::debug!(%error, "a search was not repeated exactly: the store failed");
                    count("failed");
                }
            }
            sleep(start.elapsed() * REST).await;
        }
    }

    async fn measure_recall(&self, sample: Sample) -> Result<(), StoreError> {
        let exact = self.store.search(&sample.scope, sample.query).await?;
        if let Some(recall) = recall(&sample.found, &likenesses(&exact)) {
            metrics::histogram!(RECALL_AT_K, "store" => self.store.name()).record(recall);
        }
        Ok(())
    }
}

fn count(outcome: &'static str) {
    metrics::counter!(RECALL_SAMPLES, "outcome" => outcome).increment(1);
}

fn likenesses(found: &[Candidate]) -> Vec<f32> {
    found.iter().filter_map(|candidate| candidate.dense).collect()
}

/// What part of the nearest was found; `None` when there is nothing. By likeness, not by id: of contexts that are equally
/// near any will do.
fn recall(found: &[f32], nearest: &[f32]) -> Option<f64> {
    let farthest = nearest.iter().copied().min_by(f32::total_cmp)?;
    let as_near = found.iter().filter(|likeness| **likeness >= farthest - EQUAL).count();
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
    fn recall_is_the_part_of_the_nearest_that_was_found() {
        assert_eq!(recall(&[0.9, 0.8, 0.1], &[0.9, 0.8]), Some(1.0));
        assert_eq!(recall(&[0.9, 0.1], &[0.9, 0.8]), Some(0.5));
        assert_eq!(recall(&[], &[0.9]), Some(0.0));
        // Of three that are equally near, two were asked for.
        assert_eq!(recall(&[0.5, 0.5, 0.5], &[0.5, 0.5]), Some(1.0));
        assert_eq!(recall(&[0.9], &[]), None);
    }

    #[test]
    fn one_search_in_so_many_is_chosen_and_never_one_by_words() {
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
    async fn only_one_search_waits_to_be_repeated() {
        let sampling = RecallSampling::new(1.0);
        let sample = || sampling.chooses(&scope(), &query()).unwrap();
        sampling.offer(sample(), &[]);
        sampling.offer(sample(), &[]);
        assert!(sampling.next().await.query.exact);
        assert!(sampling.waiting.lock().unwrap().is_none());
    }
}
