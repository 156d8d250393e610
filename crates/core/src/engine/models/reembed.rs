//! Changing the embedding model while the old one serves.
//!
//! Every context gets a vector of the new model beside the one it has, then the models are swapped in one step. Progress is
//! kept in the store, so a run resumes after a crash. Going back is the same with the models exchanged: only contexts that
//! came since are left to embed.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::unchanged::while_unchanged;
use crate::context::{Context, ContextId};
use crate::engine::contexts::Contexts;
use crate::engine::listing::count_everywhere;
use crate::ports::{EmbedErrorKind, Embedder, ModelChange, ModelFingerprint, StoreError};
use crate::{Filter, Scope};

/// Number of contexts without a new vector at which the models are swapped. Those become pending, found by their words
/// until they are embedded.
const FEW: u64 = 64;
/// Number of contexts that become pending at once while searches wait.
const MARKED_AT_ONCE: usize = 256;
/// The first and the longest pause after an outage of the embedder, if it does not say itself how long to wait.
const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// Speed of a model change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReembedSettings {
    /// Number of texts embedded at once.
    pub batch: usize,
    /// Maximum number of texts embedded per second.
    pub texts_per_sec: u32,
}

/// Progress of a model change.
#[derive(Debug, Clone, PartialEq)]
pub struct ReembedProgress {
    /// Current phase.
    pub phase: ReembedPhase,
    /// The model in use at the beginning.
    pub from: ModelFingerprint,
    /// The new model.
    pub to: ModelFingerprint,
    /// Number of contexts stored at the beginning.
    pub total: u64,
    /// Number of contexts looked at.
    pub seen: u64,
    /// Number of contexts that got a vector of the new model.
    pub embedded: u64,
    /// Number of contexts that the new model refused; they will be found by their words alone.
    pub refused: u64,
}

/// Phase of a model change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReembedPhase {
    /// Contexts get vectors of the new model.
    Filling,
    /// The embedder is down, and is tried again.
    Waiting,
    /// The models are being swapped.
    Switching,
    /// The new model is in use.
    Done,
}

/// Embeds everything with another model, then swaps the models.
pub(crate) async fn reembed(
    contexts: Contexts<'_>,
    change: &dyn ModelChange,
    to: Arc<dyn Embedder>,
    settings: ReembedSettings,
    report: impl Fn(&ReembedProgress) + Send + Sync,
) -> Result<ReembedProgress, StoreError> {
    let stored = change.models().await?;
    let mut progress = ReembedProgress {
        phase: ReembedPhase::Filling,
        from: stored.in_use.clone(),
        to: to.fingerprint().clone(),
        total: count_everywhere(contexts.store, &Filter::default()).await?,
        seen: 0,
        embedded: 0,
        refused: 0,
    };
    if stored.in_use == *to.fingerprint() {
        progress.phase = ReembedPhase::Done;
        return Ok(progress);
    }
    change.add_model(to.fingerprint()).await?;
    let mut filler = Filler {
        contexts,
        change,
        to: &*to,
        settings,
        report,
        progress,
        refused: HashSet::new(),
    };
    while filler.pass().await? > FEW {}
    filler.report(ReembedPhase::Switching);
    switch(contexts, change, &to).await?;
    filler.report(ReembedPhase::Done);
    Ok(filler.progress)
}

/// Swaps the models. Contexts without a vector of `to` become pending first: after a crash in between, they are embedded
/// once more with the old model, and nothing is lost.
async fn switch(contexts: Contexts<'_>, change: &dyn ModelChange, to: &Arc<dyn Embedder>) -> Result<(), StoreError> {
    let start = Instant::now();
    let mut in_use = contexts.models.exclusively().await;
    let mut marked = 0;
    // Not all tenants: searches wait meanwhile.
    for tenant in change.tenants_without_other().await? {
        let scope = Scope::maintenance(tenant);
        let mut after = None;
        loop {
            let page = change.without_other(&scope, after, MARKED_AT_ONCE).await?;
            marked += page.items.len();
            let mark = async |mut current: Vec<Context>| {
                current.retain(|context| context.embedded);
                for context in &mut current {
                    context.embedded = false;
                }
                contexts.store.update(&scope, current).await
            };
            while_unchanged(contexts, &scope, &page.items, mark).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    change.switch().await?;
    *in_use = Arc::clone(to);
    contexts.memory.reload_all().await;
    drop(in_use);
    contexts.backlog.forget_all();
    tracing::info!(
        model = %to.fingerprint(), waiting = marked, paused_ms = start.elapsed().as_millis(),
        "embedding model changed"
    );
    Ok(())
}

/// Embedding of stored contexts with another model.
struct Filler<'a, R> {
    contexts: Contexts<'a>,
    change: &'a dyn ModelChange,
    to: &'a dyn Embedder,
    settings: ReembedSettings,
    report: R,
    progress: ReembedProgress,
    refused: HashSet<ContextId>,
}

impl<R: Fn(&ReembedProgress)> Filler<'_, R> {
    fn report(&mut self, phase: ReembedPhase) {
        self.progress.phase = phase;
        (self.report)(&self.progress);
    }

    /// Embeds every context that has no vector of the new model, and returns the number of those not refused before.
    async fn pass(&mut self) -> Result<u64, StoreError> {
        let mut found = 0;
        self.progress.seen = 0;
        let batch_time = Duration::from_secs(self.settings.batch as u64) / self.settings.texts_per_sec.max(1);
        for tenant in self.contexts.store.tenants(&Filter::default()).await? {
            let scope = Scope::maintenance(tenant);
            let mut after = None;
            loop {
                let next_batch = Instant::now() + batch_time;
                let mut page = self.change.without_other(&scope, after, self.settings.batch).await?;
                page.items.retain(|context| !self.refused.contains(&context.id));
                found += page.items.len() as u64;
                if !page.items.is_empty() {
                    self.embed(&scope, page.items).await?;
                    if page.next.is_some() {
                        sleep_until(next_batch).await;
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Embeds a batch, waiting out every outage of the embedder.
    async fn embed(&mut self, scope: &Scope, mut batch: Vec<Context>) -> Result<(), StoreError> {
        let [mut backoff, longest] = BACKOFF;
        loop {
            self.progress.phase = ReembedPhase::Filling;
            let texts: Vec<String> = batch.iter().map(|context| context.text.clone()).collect();
            let results = self.to.embed_documents(&texts).await;
            let (mut done, mut vectors, mut left) = (Vec::new(), Vec::new(), Vec::new());
            let mut wait = None;
            for (context, result) in batch.into_iter().zip(results) {
                match result.map_err(|error| error.kind) {
                    Ok(vector) => {
                        vectors.push((context.id, vector));
                        done.push(context);
                    }
                    Err(EmbedErrorKind::Unavailable(after)) => {
                        wait = Some(after.unwrap_or(backoff));
                        left.push(context);
                    }
                    Err(EmbedErrorKind::Refused | EmbedErrorKind::DimensionMismatch { .. }) => {
                        self.refused.insert(context.id);
                        self.progress.refused += 1;
                    }
                }
            }
            self.progress.embedded += vectors.len() as u64;
            self.progress.seen += vectors.len() as u64;
            let change = self.change;
            let write = async |current: Vec<Context>| {
                vectors.retain(|(id, _)| current.iter().any(|context| context.id == *id));
                change.set_other_vectors(scope, vectors).await
            };
            while_unchanged(self.contexts, scope, &done, write).await?;
            let Some(wait) = wait else {
                (self.report)(&self.progress);
                return Ok(());
            };
            self.report(ReembedPhase::Waiting);
            tracing::warn!(
                wait_ms = wait.as_millis(),
                "the new embedding model does not answer, retrying"
            );
            sleep(wait.min(longest)).await;
            backoff = (backoff * 2).min(longest);
            batch = left;
        }
    }
}
