//! The ids of sessions, page by page.
//!
//! The engine can only list all of them, which takes the longer the more is stored. So they are remembered from one page to
//! the next, for those who ask for the next page soon.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::BoxError;
use context_manager_core::{Page, TenantId, Visibility};
use moka::sync::Cache;

use super::engine::Engine;
use super::reads;

/// Time for which they are remembered: sessions that began since are not on the next page.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Largest number of bytes of them, over all tenants.
const BYTES: u64 = 16 << 20;

/// Ids of sessions listed lately, in order.
#[derive(Debug)]
pub(super) struct Sessions(Cache<(TenantId, Discriminant<Visibility>), Arc<[String]>>);

impl Sessions {
    pub(super) fn new() -> Self {
        let bytes = |ids: &Arc<[String]>| ids.iter().map(|id| size_of::<String>() + id.len()).sum::<usize>();
        let cache = Cache::builder()
            .max_capacity(BYTES)
            .weigher(move |_, ids| u32::try_from(bytes(ids)).unwrap_or(u32::MAX))
            .time_to_live(REMEMBERED);
        Self(cache.build())
    }

    /// The ids after this one of the sessions with a visible context. Blocks.
    pub(super) fn page(
        &self,
        engine: &Engine,
        tenant: &TenantId,
        visibility: Visibility,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<String, String>, BoxError> {
        let key = (tenant.clone(), discriminant(&visibility));
        let remembered = after.and_then(|_first_page_was_asked_for| self.0.get(&key));
        let ids = if let Some(ids) = remembered {
            ids
        } else {
            let ids: Arc<[String]> = reads::session_ids(engine.shard(), tenant, visibility)?
                .into_iter()
                .collect();
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
