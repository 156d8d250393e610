//! Embedding later what could not be embedded when it was stored.
//!
//! Which contexts wait is told by the store alone, so nothing is forgotten at a restart.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use moka::sync::Cache;
use tokio::sync::Notify;
use tokio::time::Duration;

use super::ContextEngine;
use crate::context::{Context, ContextId};
use crate::metrics::{EMBEDDED_LATER, EMBEDDING_PENDING, EMBEDDING_PENDING_OLDEST_AGE};
use crate::ports::{EmbedErrorKind, Embedder, ListRequest, Order, StoreError};
use crate::{Cursor, Filter, Scope, TenantId, Visibility};

/// How long a text that the embedder refused is left alone.
const REFUSED_FOR: Duration = Duration::from_mins(10);
/// How long a text is left alone that failed by itself as if the embedder were down. Most likely that is so, and another
/// text is tried next; but should it be this text that brings the embedder down, the others get their turn.
const SUSPECT_FOR: Duration = Duration::from_secs(30);
/// How many such texts are remembered; one that is not is tried again.
const REMEMBERED: u64 = 10_000;

/// What waits for its vector, over all tenants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pending {
    /// How many contexts.
    pub contexts: u64,
    /// Since when the first of them waits.
    pub oldest: Option<Timestamp>,
}

/// What one round of embedding did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PendingRound {
    /// How many texts were sent to the embedder.
    pub tried: usize,
    /// How many contexts have their vectors now.
    pub embedded: usize,
    /// Whether the embedder is down: there is no use in another round before this time has passed, if it is known.
    pub unavailable: Option<Option<Duration>>,
}

/// Tells that something waits, and remembers what is not worth trying again yet.
#[derive(Debug)]
pub(super) struct PendingSignal {
    arrived: Notify,
    refused: Cache<(TenantId, ContextId), ()>,
    suspect: Cache<(TenantId, ContextId), ()>,
}

impl Default for PendingSignal {
    fn default() -> Self {
        let cache = |time| Cache::builder().max_capacity(REMEMBERED).time_to_live(time).build();
        Self {
            arrived: Notify::new(),
            refused: cache(REFUSED_FOR),
            suspect: cache(SUSPECT_FOR),
        }
    }
}

impl PendingSignal {
    fn leaves_alone(&self, scope: &Scope, context: &Context) -> bool {
        let key = (scope.tenant().clone(), context.id);
        self.refused.contains_key(&key) || self.suspect.contains_key(&key)
    }

    /// Forgets contexts that are gone.
    pub(super) fn forget(&self, scope: &Scope, ids: &[ContextId]) {
        for id in ids {
            let key = (scope.tenant().clone(), *id);
            self.refused.invalidate(&key);
            self.suspect.invalidate(&key);
        }
    }

    /// Something was stored without its vector.
    pub(super) fn arrived(&self) {
        self.arrived.notify_one();
    }
}

impl ContextEngine {
    /// Completes when something was stored without its vector, at once if that was so since the last time.
    pub async fn pending_arrived(&self) {
        self.pending.arrived.notified().await;
    }

    /// How much waits for its vector. Sets the gauges of it, too.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn pending(&self) -> Result<Pending, StoreError> {
        let filter = self.waiting();
        let mut pending = Pending::default();
        for tenant in self.store.tenants(&filter).await? {
            let scope = Scope::maintenance(tenant);
            pending.contexts += self.store.count(&scope, &filter).await?;
            let first = self.waiting_page(&scope, None, 1).await?.0.pop();
            let since = first.map(|context| context.updated_at);
            pending.oldest = pending.oldest.into_iter().chain(since).min();
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!(EMBEDDING_PENDING).set(pending.contexts as f64);
        let age = pending
            .oldest
            .map(|oldest| self.clock.now().duration_since(oldest).as_secs_f64());
        metrics::gauge!(EMBEDDING_PENDING_OLDEST_AGE).set(age.unwrap_or(0.0).max(0.0));
        Ok(pending)
    }

    /// Embeds contexts that wait, the first stored first, up to `batch` of each tenant. Asking for fewer after a failure
    /// finds out whether it is a single text that fails all others: one that fails alone is passed over for a while.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed; what was embedded before is stored.
    pub async fn embed_pending(&self, batch: usize) -> Result<PendingRound, StoreError> {
        let mut round = PendingRound::default();
        for tenant in self.store.tenants(&self.waiting()).await? {
            let scope = Scope::maintenance(tenant);
            // Not held while vectors are made, which may take seconds: a model that takes over would wait for it, and
            // everybody for that model.
            let model = Arc::clone(&*self.model.read().await);
            let contexts = self.worth_trying(&scope, batch).await?;
            round.tried += contexts.len();
            if !contexts.is_empty() {
                let (embedded, unavailable) = self.embed_waiting(&scope, &model, contexts).await?;
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

    fn waiting(&self) -> Filter {
        Filter {
            embedded: Some(false),
            visibility: Visibility::Live(self.clock.now()),
            ..Filter::default()
        }
    }

    async fn waiting_page(
        &self,
        scope: &Scope,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Context>, Option<Cursor>), StoreError> {
        let request = ListRequest {
            filter: self.waiting(),
            order: Order::OldestFirst,
            after,
            limit,
            with_vectors: false,
        };
        let page = self.store.list(scope, request).await?;
        Ok((page.items.into_iter().map(|record| record.context).collect(), page.next))
    }

    /// The first contexts that wait and did not fail by themselves lately.
    async fn worth_trying(&self, scope: &Scope, batch: usize) -> Result<Vec<Context>, StoreError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let (page, next) = self.waiting_page(scope, after, batch).await?;
            let worth_it = page
                .into_iter()
                .filter(|context| !self.pending.leaves_alone(scope, context));
            found.extend(worth_it);
            after = next;
            if found.len() >= batch || after.is_none() {
                found.truncate(batch);
                return Ok(found);
            }
        }
    }

    /// How many of `contexts` have their vectors now, and whether the embedder is down.
    async fn embed_waiting(
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
                    tracing::warn!(context = %context.id, "a text was refused by the embedder, it is found by its words alone");
                    self.pending.refused.insert((scope.tenant().clone(), context.id), ());
                }
            }
        }
        if let ([alone], Some(_)) = (contexts.as_slice(), unavailable) {
            self.pending.suspect.insert((scope.tenant().clone(), alone.id), ());
        }
        let done: Vec<Context> = contexts
            .into_iter()
            .filter(|context| vectors.contains_key(&context.id))
            .collect();
        let in_use = self.model.read().await;
        if !Arc::ptr_eq(&in_use, model) {
            // Another model took over meanwhile; these are tried again with it.
            return Ok((0, unavailable));
        }
        let write = async |mut current: Vec<Context>| {
            current.retain(|context| !context.embedded);
            let embedded = current.iter().filter_map(|context| {
                let vector = vectors.remove(&context.id)?;
                Some((
                    Context {
                        embedded: true,
                        ..context.clone()
                    },
                    vector,
                ))
            });
            self.store.set_vectors(scope, embedded.collect()).await?;
            self.read_again(scope, &current);
            Ok(current.len())
        };
        let embedded = self.while_unchanged(scope, &done, write).await?;
        Ok((embedded, unavailable))
    }
}
