//! A cache of session ids, for listing them page by page.
//!
//! The engine can only list all of a tenant's sessions, which takes longer the more is stored. So they are cached from one
//! page to the next.

use std::sync::Arc;
use std::time::Duration;

use context_manager_core::{Filter, Page, TenantId, Visibility};
use moka::sync::Cache;

/// Lifetime of an entry: a session that began since is missing from the next page.
const TIME_TO_LIVE: Duration = Duration::from_secs(10);

/// Maximum number of bytes, over all tenants.
const BYTES: u64 = 16 << 20;

/// Ids of sessions listed lately, in order.
#[derive(Debug)]
pub(super) struct Sessions(Cache<(TenantId, String), Arc<[String]>>);

impl Sessions {
    pub(super) fn new() -> Self {
        let bytes = |ids: &Arc<[String]>| ids.iter().map(|id| size_of::<String>() + id.len()).sum::<usize>();
        let cache = Cache::builder()
            .max_capacity(BYTES)
            .weigher(move |(_, conditions): &(TenantId, String), ids| {
                u32::try_from(conditions.len() + bytes(ids)).unwrap_or(u32::MAX)
            })
            .time_to_live(TIME_TO_LIVE);
        Self(cache.build())
    }

    /// Returns up to `limit` ids behind `after`. `list` lists all of them, in order, for the first page.
    pub(super) fn page<E>(
        &self,
        tenant: &TenantId,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
        list: impl FnOnce() -> Result<Arc<[String]>, E>,
    ) -> Result<Page<String, String>, E> {
        let key = (tenant.clone(), conditions_of(filter));
        let cached = after.and_then(|_not_the_first_page| self.0.get(&key));
        let ids = if let Some(ids) = cached {
            ids
        } else {
            let ids = list()?;
            self.0.insert(key, Arc::clone(&ids));
            ids
        };
        let begin = after.map_or(0, |after| ids.partition_point(|id| id.as_str() <= after));
        let end = begin.saturating_add(limit).min(ids.len());
        let items = ids[begin..end].to_vec();
        let next = items.last().filter(|_| end < ids.len()).cloned();
        Ok(Page { items, next })
    }
}

/// Identifies a filter from one page to the next: all of it, but for the time of its visibility.
fn conditions_of(filter: &Filter) -> String {
    let visibility = match filter.visibility {
        Visibility::All => "all",
        Visibility::Current(_) => "current",
        Visibility::Live(_) => "live",
        Visibility::Expired(_) => "expired",
    };
    let timeless = Filter {
        visibility: Visibility::All,
        ..filter.clone()
    };
    format!("{visibility} {timeless:?}")
}
