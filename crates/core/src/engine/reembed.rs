//! Changing the embedding model while the old one serves.
//!
//! Every context gets a vector of the new model beside the one it has, then the new model takes over in one step. What is
//! done is in the store, so it goes on where it was after a crash; and going back is the same with the models exchanged,
//! where only what came since is left to do.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::ContextEngine;
use crate::context::{Context, ContextId};
use crate::ports::{EmbedErrorKind, Embedder, ModelChange, ModelFingerprint, StoreError};
use crate::{Filter, Page, Scope};

/// The new model takes over when at most this many contexts lack its vectors. They wait for them as if the embedder had
/// been down: found by their words until then.
const FEW: u64 = 64;
/// How many contexts are marked at once while searches wait.
const MARKED_AT_ONCE: usize = 256;
/// The first and the longest pause after the embedder was down, where it does not say itself how long to wait.
const BACKOFF: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// How fast to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReembedSettings {
    /// Texts embedded at once.
    pub batch: usize,
    /// Texts embedded a second at most.
    pub texts_per_sec: u32,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
pub struct ReembedProgress {
    /// What is being done.
    pub phase: ReembedPhase,
    /// The model that served at the beginning.
    pub from: ModelFingerprint,
    /// The model that takes over.
    pub to: ModelFingerprint,
    /// Contexts stored at the beginning.
    pub total: u64,
    /// Contexts looked at.
    pub seen: u64,
    /// Contexts that got a vector of the new model.
    pub embedded: u64,
    /// Contexts that the new model refused; they will be found by their words alone.
    pub refused: u64,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReembedPhase {
    /// Contexts get vectors of the new model.
    Filling,
    /// The embedder is down; it is tried again.
    Waiting,
    /// The new model takes over.
    Switching,
    /// The new model serves.
    Done,
}

impl ContextEngine {
    /// Embeds everything with `to` and then has it take over. Searches and writes go on meanwhile; for the last step they
    /// wait for those that run, and for some hundred changes at most. Dropping the future stops it where it is; calling
    /// this again goes on. `report` is called after every batch.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed. When the embedder fails this waits and tries again.
    pub async fn reembed(
        &self,
        models: &dyn ModelChange,
        to: Arc<dyn Embedder>,
        settings: ReembedSettings,
        report: impl Fn(&ReembedProgress) + Send + Sync,
    ) -> Result<ReembedProgress, StoreError> {
        let stored = models.models().await?;
        let mut total = 0;
        for tenant in self.store.tenants(&Filter::default()).await? {
            total += self
                .store
                .count(&Scope::maintenance(tenant), &Filter::default())
                .await?;
        }
        let progress = ReembedProgress {
            phase: ReembedPhase::Filling,
            from: stored.in_use.clone(),
            to: to.fingerprint().clone(),
            total,
            seen: 0,
            embedded: 0,
            refused: 0,
        };
        if stored.in_use == *to.fingerprint() {
            return Ok(ReembedProgress {
                phase: ReembedPhase::Done,
                ..progress
            });
        }
        models.add_model(to.fingerprint()).await?;
        let mut filler = Filler {
            engine: self,
            models,
            to: &to,
            settings,
            report,
            progress,
            refused: HashSet::new(),
        };
        while filler.pass().await? > FEW {}
        filler.progress.phase = ReembedPhase::Switching;
        (filler.report)(&filler.progress);
        self.switch_model(models, &to).await?;
        filler.progress.phase = ReembedPhase::Done;
        (filler.report)(&filler.progress);
        Ok(filler.progress)
    }

    /// Lets `to` take over. Contexts without its vector are marked as waiting for it first: should this end in between,
    /// they are embedded once more with the old model, and nothing is lost.
    async fn switch_model(&self, models: &dyn ModelChange, to: &Arc<dyn Embedder>) -> Result<(), StoreError> {
        let start = Instant::now();
        let mut model = self.model.write().await;
        let mut marked = 0;
        // Not all tenants: searches wait meanwhile.
        for tenant in models.tenants_without_other().await? {
            let scope = Scope::maintenance(tenant);
            let mut after = None;
            loop {
                let page = models.without_other(&scope, after, MARKED_AT_ONCE).await?;
                marked += page.items.len();
                self.mark_as_waiting(&scope, page.items).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        models.switch().await?;
        *model = Arc::clone(to);
        self.l1.forget_all();
        drop(model);
        self.pending.arrived();
        tracing::info!(
            model = %to.fingerprint(), waiting = marked, paused_ms = start.elapsed().as_millis(),
            "another embedding model took over"
        );
        Ok(())
    }

    async fn mark_as_waiting(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        let write = async |mut current: Vec<Context>| {
            current.retain(|context| context.embedded);
            for context in &mut current {
                context.embedded = false;
            }
            self.store.update(scope, current).await
        };
        self.while_unchanged(scope, &contexts, write).await
    }
}

/// Gives contexts vectors of another model.
struct Filler<'a, R> {
    engine: &'a ContextEngine,
    models: &'a dyn ModelChange,
    to: &'a Arc<dyn Embedder>,
    settings: ReembedSettings,
    report: R,
    progress: ReembedProgress,
    refused: HashSet<ContextId>,
}

impl<R: Fn(&ReembedProgress)> Filler<'_, R> {
    /// Goes through everything once, and returns how many contexts had no vector and were not refused before.
    async fn pass(&mut self) -> Result<u64, StoreError> {
        let mut found = 0;
        self.progress.seen = 0;
        for tenant in self.engine.store.tenants(&Filter::default()).await? {
            let scope = Scope::maintenance(tenant);
            let mut after = None;
            loop {
                let next_batch = Instant::now() + self.time_for_a_batch();
                let page: Page<Context, ContextId> =
                    self.models.without_other(&scope, after, self.settings.batch).await?;
                let (last, batch) = (page.next.is_none(), self.not_refused(page.items));
                found += batch.len() as u64;
                if !batch.is_empty() {
                    self.embed(&scope, batch).await?;
                    if !last {
                        sleep_until(next_batch).await;
                    }
                }
                after = page.next;
                if last {
                    break;
                }
            }
        }
        Ok(found)
    }

    fn time_for_a_batch(&self) -> Duration {
        Duration::from_secs(self.settings.batch as u64) / self.settings.texts_per_sec.max(1)
    }

    fn not_refused(&self, contexts: Vec<Context>) -> Vec<Context> {
        contexts
            .into_iter()
            .filter(|context| !self.refused.contains(&context.id))
            .collect()
    }

    /// Embeds a batch, however long the embedder is down.
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
            let write = async |current: Vec<Context>| {
                vectors.retain(|(id, _)| current.iter().any(|context| context.id == *id));
                self.models.set_other_vectors(scope, vectors).await
            };
            self.engine.while_unchanged(scope, &done, write).await?;
            let Some(wait) = wait else {
                (self.report)(&self.progress);
                return Ok(());
            };
            self.progress.phase = ReembedPhase::Waiting;
            (self.report)(&self.progress);
            tracing::warn!(
                wait_ms = wait.as_millis(),
                "the new embedding model does not answer, it is tried again"
            );
            sleep(wait.min(longest)).await;
            backoff = (backoff * 2).min(longest);
            batch = left;
        }
    }
}
