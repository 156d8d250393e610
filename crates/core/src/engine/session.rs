//! What the engine knows of a session: its working memory, and where its contexts stand in order.
//!
//! If other processes also write to the store, the engine keeps nothing of it: it reads working memory from the store
//! each time, and the store says which positions are free.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::ContextEngine;
use super::locks::Key;
use crate::context::{Context, Level, SessionTrack, to_millis};
use crate::l1::SessionKey;
use crate::ports::{ListRequest, Order, PositionRange, Record, StoreError};
use crate::{Cursor, Filter, Page, Scope};

/// How often a session's working memory is read again because it changed meanwhile, before it is left unread.
const FILL_ATTEMPTS: usize = 3;
/// Number of sessions of a batch that are looked up in the store at once.
pub(super) const SESSIONS_AT_ONCE: usize = 16;

impl ContextEngine {
    /// A session's working memory, oldest first. What is too much for it is `short_term` when this returns.
    pub(super) async fn working_memory(
        &self,
        scope: &Scope,
        session: Option<&str>,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let key = SessionKey {
            tenant: scope.tenant().clone(),
            session: session.map(str::to_owned),
        };
        if self.store.is_shared() {
            let limit = self.config.l1_cache_size.max(1);
            let newest = self.store.list(scope, immediate_request(&key, None, limit)).await?;
            if newest.next.is_none() {
                return Ok(newest.items.into_iter().rev().map(Arc::new).collect());
            }
        } else if let Some(entries) = self.l1.snapshot(&key) {
            return Ok(entries);
        }
        let _order = self.locks.lock(scope.tenant(), [Key::Session(session)]).await;
        self.fill(scope, &key).await
    }

    /// As [`Self::working_memory`], for a caller that holds the session's lock.
    pub(super) async fn fill(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut read = Vec::new();
        for _ in 0..FILL_ATTEMPTS {
            if let Some(entries) = self.l1.snapshot(key) {
                return Ok(entries);
            }
            let reading = self.l1.read(key);
            read = self.read_back(scope, key).await?;
            if self.store.is_shared() || reading.fill(read.clone()) {
                break;
            }
        }
        // Under constant change the answer is as the store gave it, and the next use tries again.
        Ok(read.into_iter().map(Arc::new).collect())
    }

    /// The newest immediate contexts of a session, oldest first. What is beyond the session's size, as after a crash
    /// or a smaller configuration, is moved to short-term.
    async fn read_back(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Record>, StoreError> {
        let mut kept: Vec<Record> = Vec::new();
        let mut after = None;
        loop {
            let page = self.immediate_page(scope, key, after).await?;
            let mut overflow = Vec::new();
            for record in page.items {
                // A pinned one is never moved down.
                if kept.len() < self.config.l1_cache_size || record.context.pinned {
                    kept.push(record);
                } else {
                    overflow.push(record.context);
                }
            }
            self.move_to_short_term(scope, overflow).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        kept.reverse();
        Ok(kept)
    }

    pub(super) async fn immediate_page(
        &self,
        scope: &Scope,
        key: &SessionKey,
        after: Option<Cursor>,
    ) -> Result<Page<Record>, StoreError> {
        let limit = self.config.l1_cache_size.max(100);
        self.store.list(scope, immediate_request(key, after, limit)).await
    }

    /// The oldest immediate contexts of a session beyond its size, where they are in the store alone.
    pub(super) async fn stored_overflow(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Context>, StoreError> {
        let request = immediate_request(key, None, 0);
        let count = self.store.count(scope, &request.filter).await?;
        let excess = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.config.l1_cache_size);
        let mut request = ListRequest {
            order: Order::OldestFirst,
            limit: excess,
            with_vectors: false,
            ..request
        };
        let mut overflow = Vec::new();
        while overflow.len() < excess {
            let page = self.store.list(scope, request.clone()).await?;
            let contexts = page.items.into_iter().map(|record| record.context);
            // A pinned one is never moved down.
            overflow.extend(contexts.filter(|context| !context.pinned));
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        overflow.truncate(excess);
        Ok(overflow)
    }

    /// Moves contexts out of working memory, a change of the payload and not a copy, and returns them as they are then. The
    /// caller holds their sessions' locks. One that another process changed meanwhile is left to the next time.
    pub(super) async fn move_to_short_term(
        &self,
        scope: &Scope,
        contexts: Vec<Context>,
    ) -> Result<Vec<Context>, StoreError> {
        if contexts.is_empty() {
            return Ok(contexts);
        }
        let now = self.clock.now();
        let mut moved = contexts.clone();
        for context in &mut moved {
            context.level = Level::ShortTerm;
            context.renew_expiry(now, self.config.short_term_ttl_secs());
            context.updated_at = to_millis(now);
        }
        let changes = contexts.into_iter().zip(moved.iter().cloned()).collect();
        self.store.update_unchanged(scope, changes).await?;
        Ok(moved)
    }

    /// Gives the contexts their places in their sessions. The caller holds the sessions' locks.
    pub(super) async fn assign_slots(&self, scope: &Scope, contexts: &mut [Context]) -> Result<(), StoreError> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for session in contexts.iter().filter_map(|context| context.session_id.clone()) {
            *counts.entry(session).or_default() += 1;
        }
        let mut free = self.free_positions(scope, counts).await?;
        for context in contexts {
            let Some(session) = &context.session_id else { continue };
            if let Some(position) = free.get_mut(session) {
                context.slot = Some(SessionTrack::new(session).slot(*position));
                *position = position.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Takes so many positions in each session, and returns the first of each.
    async fn free_positions(
        &self,
        scope: &Scope,
        counts: BTreeMap<String, u32>,
    ) -> Result<HashMap<String, u32>, StoreError> {
        let ranges = counts.into_iter().map(|(session_id, count)| PositionRange {
            session_id,
            count,
            at_least: None,
        });
        let ranges: Vec<PositionRange> = ranges.collect();
        let known = self.take_positions(scope, &ranges).await?;
        let mut free = HashMap::with_capacity(ranges.len());
        let mut unknown = Vec::new();
        for (range, first) in ranges.into_iter().zip(known) {
            if let Some(first) = first {
                free.insert(range.session_id, first);
            } else {
                unknown.push(range);
            }
        }
        let begun = unknown.into_iter().map(|range| async move {
            let at_least = self.next_position(scope, &range.session_id).await?;
            Ok::<_, StoreError>(PositionRange {
                at_least: Some(at_least),
                ..range
            })
        });
        let begun: Vec<_> = begun.collect();
        let begun: Vec<PositionRange> = stream::iter(begun).buffered(SESSIONS_AT_ONCE).try_collect().await?;
        let first = self.take_positions(scope, &begun).await?;
        let sessions = begun.into_iter().map(|range| range.session_id);
        free.extend(
            sessions
                .zip(first)
                .filter_map(|(session, first)| Some((session, first?))),
        );
        Ok(free)
    }

    /// Has sessions go on behind places that contexts were brought with.
    pub(super) async fn pass_over_positions(&self, scope: &Scope, contexts: &[&Context]) -> Result<(), StoreError> {
        let mut next: BTreeMap<&str, u32> = BTreeMap::new();
        for context in contexts {
            if let (Some(session), Some(slot)) = (context.session_id.as_deref(), context.slot) {
                let position = SessionTrack::new(session).position(slot).saturating_add(1);
                let next = next.entry(session).or_default();
                *next = position.max(*next);
            }
        }
        let ranges = next.into_iter().map(|(session, next)| PositionRange {
            session_id: session.to_owned(),
            count: 0,
            at_least: Some(next),
        });
        self.take_positions(scope, &ranges.collect::<Vec<_>>()).await.map(drop)
    }

    /// As [`VectorStore::take_positions`](crate::ports::VectorStore::take_positions), also where this process counts.
    async fn take_positions(&self, scope: &Scope, ranges: &[PositionRange]) -> Result<Vec<Option<u32>>, StoreError> {
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        if self.store.is_shared() {
            return self.store.take_positions(scope, ranges, self.clock.now()).await;
        }
        let take = |range: &PositionRange| {
            let key = (scope.tenant().clone(), range.session_id.clone());
            let begun = || range.at_least.filter(|_| range.count > 0);
            let first = self.tracks.get(&key).or_else(begun)?;
            let first = range.at_least.map_or(first, |at_least| at_least.max(first));
            self.tracks.insert(key, first.saturating_add(range.count));
            Some(first)
        };
        Ok(ranges.iter().map(take).collect())
    }

    async fn next_position(&self, scope: &Scope, session: &str) -> Result<u32, StoreError> {
        let filter = Filter {
            session_id: Some(session.to_owned()),
            ..Filter::default()
        };
        let request = ListRequest {
            filter,
            limit: 1,
            ..ListRequest::default()
        };
        let newest = self.store.list(scope, request).await?.items.pop();
        let slot = newest.and_then(|record| record.context.slot);
        let behind = |slot| SessionTrack::new(session).position(slot).saturating_add(1);
        Ok(slot.map_or(0, behind))
    }
}

/// A page of a session's immediate contexts, newest first.
fn immediate_request(key: &SessionKey, after: Option<Cursor>, limit: usize) -> ListRequest {
    ListRequest {
        filter: Filter {
            levels: vec![Level::Immediate],
            session_id: key.session.clone(),
            sessionless: key.session.is_none(),
            ..Filter::default()
        },
        after,
        limit,
        with_vectors: true,
        ..ListRequest::default()
    }
}
