//! Vectors for contexts that were stored without one.
//!
//! The store alone knows which contexts are pending, so a restart loses none.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::TryStreamExt;
use jiff::Timestamp;
use moka::sync::Cache;
use tokio::time::Duration;

use super::unchanged::while_unchanged;
use crate::context::{Context, ContextId};
use crate::engine::contexts::Contexts;
use crate::engine::listing::{contexts, count_everywhere, pages};
use crate::metrics::{EMBEDDED_LATER, EMBEDDING_PENDING, EMBEDDING_PENDING_OLDEST_AGE};
use crate::ports::{EmbedErrorKind, Embedder, ListRequest, Order, StoreError};
use crate::{Filter, Scope, TenantId, Visibility};

/// Backoff for a text that the embedder refused.
const REFUSED_FOR: Duration = Duration::from_mins(10);
/// Backoff for a text whose individual request failed with an outage error. Most likely the embedder is down, and another
/// text is tried next; but if this text brings the embedder down, the others get their turn.
const SUSPECT_FOR: Duration = Duration::from_secs(30);
/// Maximum number of texts in each backoff.
const REMEMBERED: u64 = 10_000;

/// Contexts that wait for their vector, over all tenants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// Number of contexts.
    pub contexts: u64,
    /// Time since which the first of them waits.
    pub oldest: Option<Timestamp>,
}

/// Result of one round of embedding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PendingRound {
    /// Number of texts that were sent to the embedder.
    pub tried: usize,
    /// Number of contexts that have their vectors now.
    pub embedded: usize,
    /// Set if the embedder is down: another round is of no use before this time has passed, if it is known.
    pub unavailable: Option<Option<Duration>>,
}

/// Texts that are not worth another attempt yet.
#[derive(Debug)]
pub(crate) struct Backoff {
    refused: Cache<(TenantId, ContextId), ()>,
    suspect: Cache<(TenantId, ContextId), ()>,
}

impl Default for Backoff {
    fn default() -> Self {
        let cache = |time| Cache::builder().max_capacity(REMEMBERED).time_to_live(time).build();
        Self {
            refused: cache(REFUSED_FOR),
            suspect: cache(SUSPECT_FOR),
        }
    }
}

impl Backoff {
    fn contains(&self, scope: &Scope, context: &Context) -> bool {
        let key = (scope.tenant().clone(), context.id);
        self.refused.contains_key(&key) || self.suspect.contains_key(&key)
    }

    /// Forgets deleted contexts.
    pub(crate) fn forget(&self, scope: &Scope, contexts: &[Context]) {
        for context in contexts {
            let key = (scope.tenant().clone(), context.id);
            self.refused.invalidate(&key);
            self.suspect.invalidate(&key);
        }
    }
}

/// Embedding of pending contexts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PendingVectors<'a> {
    pub(crate) contexts: Contexts<'a>,
    pub(crate) backoff: &'a Backoff,
}

impl PendingVectors<'_> {
    /// Counts the pending contexts and sets their gauges.
    pub(crate) async fn count(&self) -> Result<Pending, StoreError> {
        let request = self.request(1);
        let mut pending = Pending {
            contexts: count_everywhere(self.contexts.store, &request.filter).await?,
            oldest: None,
        };
        for tenant in self.contexts.store.tenants(&request.filter).await? {
            let page = self
                .contexts
                .store
                .list(&Scope::maintenance(tenant), request.clone())
                .await?;
            let since = page.items.first().map(|record| record.context.updated_at);
            pending.oldest = pending.oldest.into_iter().chain(since).min();
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!(EMBEDDING_PENDING).set(pending.contexts as f64);
        let now = self.contexts.now();
        let age = pending.oldest.map(|oldest| now.duration_since(oldest).as_secs_f64());
        metrics::gauge!(EMBEDDING_PENDING_OLDEST_AGE).set(age.unwrap_or(0.0).max(0.0));
        Ok(pending)
    }

    /// Embeds up to `batch` pending contexts of each tenant, oldest first.
    pub(crate) async fn embed(&self, batch: usize) -> Result<PendingRound, StoreError> {
        let mut round = PendingRound::default();
        for tenant in self.contexts.store.tenants(&self.request(0).filter).await? {
            let scope = Scope::maintenance(tenant);
            // The guard is not held while vectors are made, which may take seconds: another model would wait for it to take
            // over, and every call for that model.
            let model = Arc::clone(&*self.contexts.models.in_use().await);
            let contexts = self.worth_trying(&scope, batch).await?;
            round.tried += contexts.len();
            if !contexts.is_empty() {
                let (embedded, unavailable) = self.embed_batch(&scope, &model, contexts).await?;
                round.embedded += embedded;
                round.unavailable = unavailable;
            }
            if round.unavailable.is_some() {
                break;
            }
        }
        metrics::counter!(EMBEDDED_LATER).increment(round.embedded as u64);
        Ok(round)
    }

    fn request(&self, limit: usize) -> ListRequest {
        ListRequest {
            filter: Filter {
                embedded: Some(false),
                visibility: Visibility::Live(self.contexts.now()),
                ..Filter::default()
            },
            order: Order::OldestFirst,
            limit,
            ..ListRequest::default()
        }
    }

    async fn worth_trying(&self, scope: &Scope, batch: usize) -> Result<Vec<Context>, StoreError> {
        let mut found = Vec::new();
        let mut pages = pages(self.contexts.store, scope, self.request(batch));
        while found.len() < batch
            && let Some(page) = pages.try_next().await?
        {
            let page = contexts(page).into_iter();
            found.extend(page.filter(|context| !self.backoff.contains(scope, context)));
        }
        found.truncate(batch);
        Ok(found)
    }

    /// Returns the number of contexts that have their vectors now, and [`PendingRound::unavailable`].
    async fn embed_batch(
        &self,
        scope: &Scope,
        model: &Arc<dyn Embedder>,
        contexts: Vec<Context>,
    ) -> Result<(usize, Option<Option<Duration>>), StoreError> {
        let texts: Vec<String> = contexts.iter().map(|context| context.text.clone()).collect();
        let mut unavailable = None;
        let mut vectors = HashMap::new();
        for (context, result) in contexts.iter().zip(model.embed_documents(&texts).await) {
            match result.map_err(|error| error.kind) {
                Ok(vector) => drop(vectors.insert(context.id, vector)),
                Err(EmbedErrorKind::Unavailable(after)) => unavailable = Some(after),
                Err(EmbedErrorKind::Refused | EmbedErrorKind::DimensionMismatch { .. }) => {
                    tracing::warn!(context = %context.id, "the embedder refused a text, which is found by its words alone");
                    self.backoff.refused.insert((scope.tenant().clone(), context.id), ());
                }
            }
        }
        if let ([alone], Some(_)) = (contexts.as_slice(), unavailable) {
            self.backoff.suspect.insert((scope.tenant().clone(), alone.id), ());
        }
        let is_done = |context: &Context| vectors.contains_key(&context.id);
        let done: Vec<Context> = contexts.into_iter().filter(is_done).collect();
        let in_use = self.contexts.models.in_use().await;
        if !Arc::ptr_eq(&in_use, model) {
            // Another model took over meanwhile; the next round embeds with it.
            return Ok((0, unavailable));
        }
        let write = async |mut current: Vec<Context>| {
            current.retain(|context| !context.embedded);
            let embedded = current.iter().filter_map(|context| {
                let vector = vectors.remove(&context.id)?;
                let embedded = true;
                Some((
                    Context {
                        embedded,
                        ..context.clone()
                    },
                    vector,
                ))
            });
            // Contexts that another process changes meanwhile stay pending for the next round.
            self.contexts.store.set_vectors(scope, embedded.collect()).await?;
            self.contexts.memory.reload(scope, &current);
            Ok(current.len())
        };
        let embedded = while_unchanged(self.contexts, scope, &done, write).await?;
        Ok((embedded, unavailable))
    }
}
