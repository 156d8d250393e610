//! Indexing again what another analyzer, or one with other settings, has made the terms of.
//!
//! The store keeps the fingerprint of the analyzer; its absence means an analyzer from before there were fingerprints. Terms
//! carry a mark of their analyzer, so a run that was cut off passes over what is done, and so does the next one. Meanwhile
//! questions are read in the languages of old and new terms alike, which finds a word as it was written; other endings of it
//! are found where the old stemmer was that of English, as by default, or that of the question's language.

use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::TryStreamExt;
use tokio::time::{Duration, Instant, sleep};

use super::contexts::Contexts;
use super::listing::{count_everywhere, pages};
use super::models::while_unchanged;
use super::prepare::Preparer;
use crate::context::Context;
use crate::metrics::REINDEX_PENDING;
use crate::ports::{ListRequest, Order, Record, StoreError};
use crate::{Filter, Scope};

/// Number of contexts that are indexed at once, under their locks.
const AT_ONCE: usize = 64;
/// Interval of lines in the log.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Number of contexts of a run that goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    total: u64,
    seen: u64,
}

/// State of indexing again.
#[derive(Debug, Default)]
pub(super) struct Reindexing(Mutex<Option<Progress>>);

impl Reindexing {
    /// Returns the share of the contexts that is done; `None` if no run goes on.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn share(&self) -> Option<f32> {
        let progress = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        progress.map(|Progress { total, seen }| seen as f32 / (total.max(seen).max(1)) as f32)
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    fn set(&self, progress: Option<Progress>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        let left = progress.map_or(0, |progress| progress.total.saturating_sub(progress.seen));
        metrics::gauge!(REINDEX_PENDING).set(left as f64);
    }
}

/// Indexes everything again unless the store's terms are of this analyzer; returns the number of contexts it had to change,
/// and `None` if there was nothing to do. It rests as long as it works, so that searches and writes go first.
pub(super) async fn reindex(
    at: Contexts<'_>,
    text: &Arc<Preparer>,
    state: &Reindexing,
) -> Result<Option<u64>, StoreError> {
    let fingerprint = text.analyzer.fingerprint();
    let stored = at.store.analyzer().await?;
    if stored.as_deref() == Some(fingerprint) {
        return Ok(None);
    }
    let total = count_everywhere(at.store, &Filter::default()).await?;
    if total > 0 {
        tracing::info!(
            contexts = total,
            from = stored.as_deref().unwrap_or("an earlier version"),
            to = fingerprint,
            "the analysis of texts changed: contexts are indexed again, and searches go on meanwhile"
        );
    }
    let done = Run { at, text, state, total }.all().await;
    state.set(None);
    let changed = done?;
    at.store.set_analyzer(fingerprint).await?;
    if total > 0 {
        tracing::info!(contexts = changed, "all contexts are indexed again");
    }
    Ok(Some(changed))
}

struct Run<'a> {
    at: Contexts<'a>,
    text: &'a Arc<Preparer>,
    state: &'a Reindexing,
    total: u64,
}

impl Run<'_> {
    async fn all(&self) -> Result<u64, StoreError> {
        let (mut seen, mut changed) = (0, 0);
        let mut reported = Instant::now();
        for tenant in self.at.store.tenants(&Filter::default()).await? {
            let scope = Scope::maintenance(tenant);
            let request = ListRequest {
                order: Order::OldestFirst,
                limit: AT_ONCE,
                with_vectors: true,
                ..ListRequest::default()
            };
            let mut pages = pages(self.at.store, &scope, request);
            while let Some(page) = pages.try_next().await? {
                let start = Instant::now();
                seen += page.len() as u64;
                let old = page
                    .into_iter()
                    .filter(|record| !self.text.analyzer.made(&record.terms));
                changed += self.page(&scope, old.map(|record| record.context).collect()).await?;
                self.state.set(Some(Progress {
                    total: self.total,
                    seen,
                }));
                if reported.elapsed() >= REPORT_EVERY {
                    reported = Instant::now();
                    tracing::info!(seen, of = self.total, "indexing contexts again");
                }
                sleep(start.elapsed()).await;
            }
            self.at.vocabularies.forget(scope.tenant());
        }
        Ok(changed)
    }

    /// Gives contexts new terms, unless their texts change meanwhile: then they get them by that.
    async fn page(&self, scope: &Scope, old: Vec<Context>) -> Result<u64, StoreError> {
        if old.is_empty() {
            return Ok(0);
        }
        // Vectors are read and written back: another model must not take over in between.
        let _model = self.at.models.in_use().await;
        let texts: Vec<String> = old.iter().map(|context| context.text.clone()).collect();
        let given = old.iter().map(|context| context.given_language().map(str::to_owned));
        let prepared = self.text.prepare(&texts, given.collect()).await;
        let write = async |current: Vec<Context>| {
            let ids = current.iter().map(|context| context.id).collect();
            let stored = super::listing::records(self.at.store, scope, ids).await?;
            let changes = stored.into_iter().filter_map(|record| {
                let at = old.iter().position(|context| context.id == record.context.id)?;
                let new = Record {
                    context: Context {
                        language: prepared[at].language.clone(),
                        ..record.context.clone()
                    },
                    dense: record.dense,
                    terms: prepared[at].terms.clone(),
                };
                Some((record.context, new))
            });
            let changes: Vec<(Context, Record)> = changes.collect();
            let written = self.at.store.replace_unchanged(scope, changes).await?;
            Ok(written.len() as u64)
        };
        while_unchanged(self.at, scope, &old, write).await
    }
}
