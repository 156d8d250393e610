//! Vectors for contexts that were stored without one.
//!
//! The store alone knows which contexts are pending, so a restart loses none; the [backlog](crate::engine::backlog) remembers
//! where they are.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use moka::sync::Cache;
use tokio::time::Duration;

use super::unchanged::while_unchanged;
use crate::context::{Context, ContextId};
use crate::engine::backlog::Next;
use crate::engine::contexts::Contexts;
use crate::engine::listing::contexts;
use crate::metrics::{EMBEDDED_LATER, EMBEDDING_PENDING, EMBEDDING_PENDING_OLDEST_AGE};
use crate::ports::{EmbedErrorKind, Embedder, ListRequest, OnWrite, Order, StoreError};
use crate::{Filter, Scope, TenantId, Visibility};

/// Backoff for a text that the embedder refused.
const REFUSED_FOR: Duration = Duration::from_mins(10);
/// Backoff for a text whose individual request failed with an outage error. Most likely the embedder is down, and another
/// text is tried next; but if this text brings the embedder down, the others get their turn.
const SUSPECT_FOR: Duration = Duration::from_secs(30);
/// Maximum number of texts in each backoff.
const REMEMBERED: u64 = 10_000;
/// Number of batches that are listed at once.
const LISTED_BATCHES: usize = 8;
/// Number of contexts among which the oldest is looked for: they are listed in the order they were stored, and one whose text
/// was changed since waits only since then.
const DATED: usize = 64;

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
    /// Set if the model is in this process, so that texts need not be spread over time.
    pub unpaced: bool,
    /// Number of contexts stored without their vectors since the round before.
    pub arrived: usize,
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
        let Contexts { store, backlog, .. } = self.contexts;
        let known = backlog.tenants().filter(|_| !store.is_shared());
        let tenants = match known {
            Some(tenants) => tenants,
            None => store.tenants(&self.request(0).filter).await?,
        };
        let mut pending = Pending::default();
        for tenant in tenants {
            let scope = Scope::maintenance(tenant);
            pending.contexts += store.count(&scope, &self.request(0).filter).await?;
            let first = store.list(&scope, self.request(DATED)).await?.items;
            let first = first.iter().map(|record| record.context.updated_at).min();
            // An imported context brings its time with it, and has not waited since then.
            let since = first.max(first.and(backlog.since(scope.tenant())));
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
        let Contexts { store, backlog, .. } = self.contexts;
        if let Some(ticket) = backlog.look_is_due() {
            backlog.looked(ticket, store.tenants(&self.request(0).filter).await?);
        }
        let mut round = PendingRound {
            arrived: backlog.take_arrivals(),
            ..PendingRound::default()
        };
        for tenant in backlog.tenants().unwrap_or_default() {
            let scope = Scope::maintenance(tenant);
            // The guard is not held while vectors are made, which may take seconds: another model would wait for it to take
            // over, and every call for that model.
            let model = Arc::clone(&*self.contexts.models.in_use().await);
            let contexts = self.next(&scope, batch).await?;
            if contexts.is_empty() {
                continue;
            }
            round.tried += contexts.len();
            round.unpaced |= model.on_write() == OnWrite::Follow;
            let (embedded, unavailable) = self.embed_batch(&scope, &model, contexts).await?;
            round.embedded += embedded;
            round.unavailable = unavailable;
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

    /// Returns the next contexts to embed.
    async fn next(&self, scope: &Scope, batch: usize) -> Result<Vec<Context>, StoreError> {
        let Contexts { store, backlog, .. } = self.contexts;
        let mut began = false;
        loop {
            match backlog.take(scope.tenant(), batch) {
                Next::Queued(ids) => {
                    let now = self.contexts.now();
                    let mut contexts = store.get(scope, &ids).await?;
                    contexts.retain(|context| !context.embedded && context.is_live(now));
                    let found = contexts.len();
                    contexts.retain(|context| !self.backoff.contains(scope, context));
                    if !contexts.is_empty() {
                        return Ok(contexts);
                    }
                    backlog.settle(scope.tenant(), Vec::new(), found > 0);
                }
                // Once: what the list has and the store has not is left to the next round.
                Next::Listed(None) if began => return Ok(Vec::new()),
                Next::Listed(position) => {
                    began |= position.is_none();
                    let request = ListRequest {
                        after: position,
                        ..self.request(batch * LISTED_BATCHES)
                    };
                    let page = store.list(scope, request).await?;
                    let found = page.items.len();
                    let mut contexts = contexts(page.items);
                    contexts.retain(|context| !self.backoff.contains(scope, context));
                    let fresh: Vec<ContextId> = contexts.iter().map(|context| context.id).collect();
                    let others = fresh.len() < found;
                    backlog.listed(scope.tenant(), position, fresh, others, page.next);
                }
                Next::Nothing => return Ok(Vec::new()),
            }
        }
    }

    /// Returns the number of contexts that have their vectors now, and [`PendingRound::unavailable`].
    async fn embed_batch(
        &self,
        scope: &Scope,
        model: &Arc<dyn Embedder>,
        contexts: Vec<Context>,
    ) -> Result<(usize, Option<Option<Duration>>), StoreError> {
        let backlog = self.contexts.backlog;
        let texts: Vec<String> = contexts.iter().map(|context| context.text.clone()).collect();
        let is_alone = contexts.len() == 1;
        let (mut done, mut again, mut left) = (Vec::new(), Vec::new(), false);
        let mut unavailable = None;
        let mut vectors = HashMap::new();
        for (context, result) in contexts.into_iter().zip(model.embed_documents(&texts).await) {
            let key = (scope.tenant().clone(), context.id);
            match result.map_err(|error| error.kind) {
                Ok(vector) => {
                    vectors.insert(context.id, vector);
                    done.push(context);
                }
                Err(EmbedErrorKind::Unavailable(after)) => {
                    unavailable = Some(after);
                    if is_alone {
                        self.backoff.suspect.insert(key, ());
                        left = true;
                    } else {
                        again.push(context.id);
                    }
                }
                Err(EmbedErrorKind::Refused | EmbedErrorKind::DimensionMismatch { .. }) => {
                    tracing::warn!(context = %context.id, "the embedder refused a text, which is found by its words alone");
                    self.backoff.refused.insert(key, ());
                    left = true;
                }
            }
        }
        let in_use = self.contexts.models.in_use().await;
        if !Arc::ptr_eq(&in_use, model) {
            // Another model took over meanwhile; the next round embeds with it.
            again.extend(done.into_iter().map(|context| context.id));
            backlog.settle(scope.tenant(), again, left);
            return Ok((0, unavailable));
        }
        let write = async |mut current: Vec<Context>| {
            current.retain(|context| !context.embedded);
            let embedded = current.into_iter().filter_map(|context| {
                let vector = vectors.remove(&context.id)?;
                let embedded = true;
                Some((Context { embedded, ..context }, vector))
            });
            let embedded: Vec<(Context, Vec<f32>)> = embedded.collect();
            // Contexts that another process changes meanwhile stay pending for the next round.
            let count = embedded.len();
            self.contexts.store.set_vectors(scope, embedded).await?;
            Ok(count)
        };
        let embedded = while_unchanged(self.contexts, scope, &done, write).await?;
        backlog.settle(scope.tenant(), again, left);
        Ok((embedded, unavailable))
    }
}
