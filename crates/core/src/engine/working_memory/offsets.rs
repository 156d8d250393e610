//! The next free offset of each session. A shared store hands them out; otherwise this process counts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use moka::sync::Cache;

use crate::context::{Context, SessionTrack};
use crate::ports::{Clock, ListRequest, OffsetRange, StoreError, VectorStore};
use crate::{Filter, Scope, TenantId};

/// Maximum number of sessions whose next offset is remembered; another one costs a look-up in the store.
const REMEMBERED: u64 = 100_000;

/// Maximum number of sessions of a batch that are read or written concurrently.
pub(super) const CONCURRENT_SESSIONS: usize = 16;

/// Generator of [`Context::slot`].
#[derive(Debug)]
pub(crate) struct SessionOffsets {
    store: Arc<dyn VectorStore>,
    clock: Arc<dyn Clock>,
    next: Cache<(TenantId, String), u32>,
}

impl SessionOffsets {
    pub(super) fn new(store: Arc<dyn VectorStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            next: Cache::new(REMEMBERED),
        }
    }

    /// Numbers contexts within their sessions. The caller holds the sessions' locks.
    pub(crate) async fn assign(&self, scope: &Scope, contexts: &mut [Context]) -> Result<(), StoreError> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for session in contexts.iter().filter_map(|context| context.session_id.clone()) {
            *counts.entry(session).or_default() += 1;
        }
        let mut free = self.free(scope, counts).await?;
        for context in contexts {
            let Some(session) = &context.session_id else { continue };
            if let Some(offset) = free.get_mut(session) {
                context.slot = Some(SessionTrack::new(session).slot(*offset));
                *offset = offset.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Makes sessions continue behind the offsets of imported contexts.
    pub(crate) async fn pass_over(&self, scope: &Scope, contexts: &[Context]) -> Result<(), StoreError> {
        let mut next: BTreeMap<&str, u32> = BTreeMap::new();
        for context in contexts {
            if let (Some(session), Some(slot)) = (context.session_id.as_deref(), context.slot) {
                let next = next.entry(session).or_default();
                *next = behind(session, slot).max(*next);
            }
        }
        let ranges = next.into_iter().map(|(session, next)| OffsetRange {
            session_id: session.to_owned(),
            count: 0,
            at_least: Some(next),
        });
        self.take(scope, &ranges.collect::<Vec<_>>()).await.map(drop)
    }

    /// Forgets the sessions of these contexts.
    pub(crate) fn forget(&self, scope: &Scope, contexts: &[Context]) {
        for session in contexts.iter().filter_map(|context| context.session_id.clone()) {
            self.next.invalidate(&(scope.tenant().clone(), session));
        }
    }

    pub(crate) fn forget_all(&self) {
        self.next.invalidate_all();
    }

    /// Takes `counts` offsets of each session, and returns the first of each.
    async fn free(&self, scope: &Scope, counts: BTreeMap<String, u32>) -> Result<HashMap<String, u32>, StoreError> {
        let ranges = counts.into_iter().map(|(session_id, count)| OffsetRange {
            session_id,
            count,
            at_least: None,
        });
        let ranges: Vec<OffsetRange> = ranges.collect();
        let counted = self.take(scope, &ranges).await?;
        let mut free = HashMap::with_capacity(ranges.len());
        let mut unknown = Vec::new();
        for (range, first) in ranges.into_iter().zip(counted) {
            if let Some(first) = first {
                free.insert(range.session_id, first);
            } else {
                unknown.push(range);
            }
        }
        let look_up = |range: OffsetRange| async move {
            let at_least = Some(self.stored_end(scope, &range.session_id).await?);
            Ok::<_, StoreError>(OffsetRange { at_least, ..range })
        };
        let begun: Vec<_> = unknown.into_iter().map(look_up).collect();
        let begun: Vec<OffsetRange> = stream::iter(begun).buffered(CONCURRENT_SESSIONS).try_collect().await?;
        let first = self.take(scope, &begun).await?;
        let begun = begun.into_iter().zip(first);
        free.extend(begun.filter_map(|(range, first)| Some((range.session_id, first?))));
        Ok(free)
    }

    /// Takes ranges from the store if it is shared, and from the counters of this process otherwise.
    async fn take(&self, scope: &Scope, ranges: &[OffsetRange]) -> Result<Vec<Option<u32>>, StoreError> {
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        if self.store.is_shared() {
            return self.store.take_offsets(scope, ranges, self.clock.now()).await;
        }
        let take = |range: &OffsetRange| {
            let key = (scope.tenant().clone(), range.session_id.clone());
            let begun = || range.at_least.filter(|_| range.count > 0);
            let first = self.next.get(&key).or_else(begun)?;
            let first = range.at_least.map_or(first, |at_least| at_least.max(first));
            self.next.insert(key, first.saturating_add(range.count));
            Some(first)
        };
        Ok(ranges.iter().map(take).collect())
    }

    /// Returns the offset behind a session's newest stored context.
    async fn stored_end(&self, scope: &Scope, session: &str) -> Result<u32, StoreError> {
        let request = ListRequest {
            filter: Filter {
                session_id: Some(session.to_owned()),
                ..Filter::default()
            },
            limit: 1,
            ..ListRequest::default()
        };
        let newest = self.store.list(scope, request).await?.items.pop();
        let slot = newest.and_then(|record| record.context.slot);
        Ok(slot.map_or(0, |slot| behind(session, slot)))
    }
}

fn behind(session: &str, slot: i64) -> u32 {
    SessionTrack::new(session).position(slot).saturating_add(1)
}
