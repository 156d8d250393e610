//! Reads without ranking: by id, as a list, as sessions, as counts.

use futures::stream::TryStreamExt;
use jiff::Timestamp;

use super::contexts::Contexts;
use super::listing::{contexts, count_everywhere, pages};
use crate::context::{Context, Level};
use crate::metrics::{CONTEXTS, L1_CONTEXTS, STORE_BYTES};
use crate::ports::{ListRequest, MemoryUse, ModelFingerprint, StoreError};
use crate::{Cursor, Filter, Page, Scope, Visibility};

/// Number of contexts that are read at once to measure them.
const MEASURED_AT_ONCE: usize = 1000;

/// Statistics of a tenant, or of some of its contexts.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// Number of contexts at each level, as in [`Level::ALL`].
    pub contexts: [u64; Level::ALL.len()],
    /// Number of contexts that wait for their vector.
    pub pending: u64,
    /// Share of the contexts, 0 to 1, that are indexed again after a change of the analyzer; `None` when all are.
    pub reindexed: Option<f32>,
    /// Bytes of the whole store.
    pub store_bytes: u64,
    /// Use of the memory for contexts, of all tenants; `None` if the store keeps none in memory.
    pub memory: Option<MemoryUse>,
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

/// Returns the filter of the contexts that a reader sees.
fn visible(at: Contexts<'_>, filter: Filter, include_superseded: bool) -> Filter {
    let now = at.now();
    let visibility = if include_superseded {
        Visibility::Live(now)
    } else {
        Visibility::Current(now)
    };
    Filter { visibility, ..filter }
}

pub(super) async fn list(
    at: Contexts<'_>,
    scope: &Scope,
    filter: Filter,
    include_superseded: bool,
    after: Option<Cursor>,
    limit: usize,
) -> Result<Page<Context>, StoreError> {
    let request = ListRequest {
        filter: visible(at, filter, include_superseded),
        after,
        limit,
        ..ListRequest::default()
    };
    let page = at.store.list(scope, request).await?;
    Ok(Page {
        items: contexts(page.items),
        next: page.next,
    })
}

pub(super) async fn count(
    at: Contexts<'_>,
    scope: &Scope,
    filter: Filter,
    include_superseded: bool,
) -> Result<[u64; Level::ALL.len()], StoreError> {
    let visible = visible(at, filter, include_superseded);
    let mut contexts = [0; Level::ALL.len()];
    for level in Level::ALL {
        if !visible.levels.is_empty() && !visible.levels.contains(&level) {
            continue;
        }
        let of_level = Filter {
            levels: vec![level],
            ..visible.clone()
        };
        contexts[level.index()] = at.store.count(scope, &of_level).await?;
    }
    Ok(contexts)
}

pub(super) async fn stats(
    at: Contexts<'_>,
    scope: &Scope,
    filter: Filter,
    reindexed: Option<f32>,
) -> Result<Stats, StoreError> {
    let contexts = count(at, scope, filter.clone(), true).await?;
    let live = visible(at, filter, true);
    let pending = Filter {
        embedded: Some(false),
        ..live
    };
    let may_wait = at.store.is_shared() || at.backlog.may_wait(scope.tenant());
    let pending = if may_wait {
        at.store.count(scope, &pending).await?
    } else {
        0
    };
    Ok(Stats {
        contexts,
        pending,
        reindexed,
        store_bytes: at.store.size_bytes().await?,
        memory: at.store.memory().await,
        model: at.models.in_use().await.fingerprint().clone(),
    })
}

pub(super) async fn usage(at: Contexts<'_>, scope: &Scope, bytes: bool) -> Result<Usage, StoreError> {
    let filter = live(at.now());
    let mut usage = Usage::default();
    if !bytes {
        usage.contexts = at.store.count(scope, &filter).await?;
        return Ok(usage);
    }
    let request = ListRequest {
        filter,
        limit: MEASURED_AT_ONCE,
        ..ListRequest::default()
    };
    let mut pages = pages(at.store, scope, request);
    while let Some(page) = pages.try_next().await? {
        usage.contexts += page.len() as u64;
        let bytes = page.iter().map(|record| record.context.content_bytes() as u64);
        usage.bytes += bytes.sum::<u64>();
    }
    Ok(usage)
}

/// Sets the gauges of stored data, over all tenants.
pub(super) async fn measure(at: Contexts<'_>) -> Result<(), StoreError> {
    for level in Level::ALL {
        let of_level = Filter {
            levels: vec![level],
            ..live(at.now())
        };
        let count = count_everywhere(at.store, &of_level).await?;
        metrics::gauge!(CONTEXTS, "level" => level.as_str()).set(as_gauge(count));
    }
    metrics::gauge!(STORE_BYTES).set(as_gauge(at.store.size_bytes().await?));
    metrics::gauge!(L1_CONTEXTS).set(as_gauge(at.memory.len().0 as u64));
    Ok(())
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
