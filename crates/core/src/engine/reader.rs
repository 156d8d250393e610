//! Reads without ranking: by id, as a list, as sessions, as counts.

use std::pin::pin;

use futures::stream::TryStreamExt;
use jiff::Timestamp;

use super::listing::{contexts, count_everywhere, get, pages};
use super::models::Models;
use super::working_memory::WorkingMemory;
use crate::context::{Context, ContextId, Level};
use crate::metrics::{CONTEXTS, L1_CONTEXTS, STORE_BYTES};
use crate::ports::{Clock, ListRequest, ModelFingerprint, StoreError, VectorStore};
use crate::{Cursor, Error, Filter, Page, Scope, Visibility};

/// Number of contexts that are read at once to measure them.
const MEASURED_AT_ONCE: usize = 1000;

/// Statistics of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Number of contexts at each level, as in [`Level::ALL`].
    pub contexts: [u64; Level::ALL.len()],
    /// Number of contexts that wait for their vector.
    pub pending: u64,
    /// Bytes of the whole store.
    pub store_bytes: u64,
    /// The embedding model.
    pub model: ModelFingerprint,
}

/// Amount of data that a tenant keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number of contexts, superseded ones included.
    pub contexts: u64,
    /// Size of their text, tags and metadata as JSON; 0 unless requested.
    pub bytes: u64,
}

/// Reader of stored contexts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) store: &'a dyn VectorStore,
    pub(super) clock: &'a dyn Clock,
    pub(super) models: &'a Models,
    pub(super) memory: &'a WorkingMemory,
}

impl Reader<'_> {
    pub(super) async fn get(&self, scope: &Scope, id: ContextId) -> Result<Context, Error> {
        get(self.store, scope, id, self.clock.now()).await
    }

    pub(super) async fn list(
        &self,
        scope: &Scope,
        filter: Filter,
        include_superseded: bool,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Context>, StoreError> {
        let now = self.clock.now();
        let visibility = if include_superseded {
            Visibility::Live(now)
        } else {
            Visibility::Current(now)
        };
        let request = ListRequest {
            filter: Filter { visibility, ..filter },
            after,
            limit,
            ..ListRequest::default()
        };
        let page = self.store.list(scope, request).await?;
        Ok(Page {
            items: contexts(page.items),
            next: page.next,
        })
    }

    pub(super) async fn stats(&self, scope: &Scope) -> Result<Stats, StoreError> {
        let live = live(self.clock.now());
        let mut contexts = [0; Level::ALL.len()];
        for level in Level::ALL {
            let of_level = Filter {
                levels: vec![level],
                ..live.clone()
            };
            contexts[level.index()] = self.store.count(scope, &of_level).await?;
        }
        let pending = Filter {
            embedded: Some(false),
            ..live
        };
        Ok(Stats {
            contexts,
            pending: self.store.count(scope, &pending).await?,
            store_bytes: self.store.size_bytes().await?,
            model: self.models.in_use().await.fingerprint().clone(),
        })
    }

    pub(super) async fn usage(&self, scope: &Scope, bytes: bool) -> Result<Usage, StoreError> {
        let filter = live(self.clock.now());
        let mut usage = Usage::default();
        if !bytes {
            usage.contexts = self.store.count(scope, &filter).await?;
            return Ok(usage);
        }
        let request = ListRequest {
            filter,
            limit: MEASURED_AT_ONCE,
            ..ListRequest::default()
        };
        let mut pages = pin!(pages(self.store, scope, request));
        while let Some(page) = pages.try_next().await? {
            usage.contexts += page.len() as u64;
            let bytes = page.iter().map(|record| record.context.content_bytes() as u64);
            usage.bytes += bytes.sum::<u64>();
        }
        Ok(usage)
    }

    /// Sets the gauges of stored data, over all tenants.
    pub(super) async fn measure(&self) -> Result<(), StoreError> {
        for level in Level::ALL {
            let of_level = Filter {
                levels: vec![level],
                ..live(self.clock.now())
            };
            let count = count_everywhere(self.store, &of_level).await?;
            metrics::gauge!(CONTEXTS, "level" => level.as_str()).set(as_gauge(count));
        }
        metrics::gauge!(STORE_BYTES).set(as_gauge(self.store.size_bytes().await?));
        metrics::gauge!(L1_CONTEXTS).set(as_gauge(self.memory.len().0 as u64));
        Ok(())
    }
}

fn live(now: Timestamp) -> Filter {
    Filter {
        visibility: Visibility::Live(now),
        ..Filter::default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn as_gauge(count: u64) -> f64 {
    count as f64
}
