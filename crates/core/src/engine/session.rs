//! What the engine knows of a session: its working memory, and where its contexts stand in order.

use std::sync::Arc;

use super::ContextEngine;
use super::locks::Key;
use crate::context::{Context, Level, SessionTrack, to_millis};
use crate::l1::SessionKey;
use crate::ports::{ListRequest, Record, StoreError};
use crate::{Cursor, Filter, Scope};

/// How often a session's working memory is read again because it changed meanwhile, before it is left unread.
const FILL_ATTEMPTS: usize = 3;

impl ContextEngine {
    /// A session's working memory, oldest first, read back from the store if it is not in memory.
    pub(super) async fn working_memory(
        &self,
        scope: &Scope,
        session: Option<&str>,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let key = SessionKey {
            tenant: scope.tenant().clone(),
            session: session.map(str::to_owned),
        };
        if let Some(entries) = self.l1.snapshot(&key) {
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
            let epoch = self.l1.epoch();
            read = self.read_back(scope, key).await?;
            self.l1.fill(key, read.clone(), epoch);
        }
        // Under constant change the answer is as the store gave it, and the next use tries again.
        Ok(self
            .l1
            .snapshot(key)
            .unwrap_or_else(|| read.into_iter().map(Arc::new).collect()))
    }

    /// The newest immediate contexts of a session, oldest first. What is beyond the session's size, as after a crash
    /// or a smaller configuration, is moved to short-term.
    async fn read_back(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Record>, StoreError> {
        let mut kept: Vec<Record> = Vec::new();
        let mut after = None;
        loop {
            let page = self.immediate_page(scope, key, after).await?;
            let mut overflow = Vec::new();
            for record in page
                .items
                .into_iter()
                .filter(|record| record.context.session_id == key.session)
            {
                // A pinned one is never moved down.
                if kept.len() < self.config.l1_cache_size || record.context.pinned {
                    kept.push(record);
                } else {
                    overflow.push(record.context);
                }
            }
            if !overflow.is_empty() {
                self.move_to_short_term(scope, overflow).await?;
            }
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
    ) -> Result<crate::Page<Record>, StoreError> {
        let filter = Filter {
            levels: vec![Level::Immediate],
            session_id: key.session.clone(),
            ..Filter::default()
        };
        let limit = self.config.l1_cache_size.max(100);
        self.store
            .list(
                scope,
                ListRequest {
                    filter,
                    after,
                    limit,
                    with_vectors: true,
                    ..ListRequest::default()
                },
            )
            .await
    }

    /// Moves contexts that left working memory; a change of the payload, not a copy.
    pub(super) async fn move_to_short_term(&self, scope: &Scope, mut contexts: Vec<Context>) -> Result<(), StoreError> {
        let now = self.clock.now();
        for context in &mut contexts {
            context.level = Level::ShortTerm;
            context.renew_expiry(now, self.config.short_term_ttl_secs());
            context.updated_at = to_millis(now);
        }
        self.store.update(scope, contexts).await
    }

    /// Gives the contexts their places in their sessions. The caller holds the sessions' locks.
    pub(super) async fn assign_slots(&self, scope: &Scope, contexts: &mut [Context]) -> Result<(), StoreError> {
        for context in contexts {
            let Some(session) = context.session_id.clone() else {
                continue;
            };
            let track = SessionTrack::new(&session);
            let key = (scope.tenant().clone(), session);
            let position = match self.tracks.get(&key) {
                Some(position) => position,
                None => self.next_position(scope, &key.1, track).await?,
            };
            context.slot = Some(track.slot(position));
            self.tracks.insert(key, position + 1);
        }
        Ok(())
    }

    async fn next_position(&self, scope: &Scope, session: &str, track: SessionTrack) -> Result<u32, StoreError> {
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
        Ok(newest
            .and_then(|record| record.context.slot)
            .map_or(0, |slot| track.position(slot) + 1))
    }
}
