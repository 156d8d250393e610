//! Sessions as the store holds them: reading them, and demoting what exceeds their size.

use std::sync::Arc;

use futures::stream::TryStreamExt;

use crate::context::{Context, Level, to_millis};
use crate::engine::listing::{contexts, pages};
use crate::ports::{Clock, ListRequest, Order, Record, SessionKey, StoreError, VectorStore};
use crate::{Filter, Scope};

/// Minimum number of contexts that are read at once.
const PAGE: usize = 100;

/// Immediate contexts in the store.
#[derive(Debug)]
pub(super) struct StoredSessions {
    pub(super) store: Arc<dyn VectorStore>,
    pub(super) clock: Arc<dyn Clock>,
    /// Maximum number of contexts of a session; pinned ones may exceed it.
    pub(super) size: usize,
    pub(super) short_term_ttl_secs: Option<u64>,
}

impl StoredSessions {
    /// Returns the contexts of a session, oldest first; `None` if they exceed its size.
    pub(super) async fn whole(&self, scope: &Scope, key: &SessionKey) -> Result<Option<Vec<Arc<Record>>>, StoreError> {
        let newest = self.store.list(scope, newest_first(key, self.size.max(1))).await?;
        let oldest_first = newest.items.into_iter().rev().map(Arc::new);
        Ok(newest.next.is_none().then(|| oldest_first.collect()))
    }

    /// Returns the newest contexts of a session, oldest first, and demotes those beyond its size, as after a crash or with
    /// a smaller configuration.
    pub(super) async fn read(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Arc<Record>>, StoreError> {
        let mut kept: Vec<Arc<Record>> = Vec::new();
        let mut pages = pages(&*self.store, scope, newest_first(key, self.size.max(PAGE)));
        while let Some(page) = pages.try_next().await? {
            let mut overflow = Vec::new();
            for record in page {
                if kept.len() < self.size || record.context.pinned {
                    kept.push(Arc::new(record));
                } else {
                    overflow.push(record.context);
                }
            }
            self.demote(scope, overflow).await?;
        }
        kept.reverse();
        Ok(kept)
    }

    /// Returns all contexts of a session.
    pub(super) async fn contexts(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Context>, StoreError> {
        let request = newest_first(key, self.size.max(PAGE));
        let records = pages(&*self.store, scope, request).try_concat().await?;
        Ok(contexts(records))
    }

    /// Returns the oldest contexts of a session beyond its size, pinned ones excepted.
    pub(super) async fn overflow(&self, scope: &Scope, key: &SessionKey) -> Result<Vec<Context>, StoreError> {
        let request = newest_first(key, 0);
        let count = self.store.count(scope, &request.filter).await?;
        let excess = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(self.size);
        let request = ListRequest {
            order: Order::OldestFirst,
            limit: excess,
            with_vectors: false,
            ..request
        };
        let mut overflow = Vec::new();
        let mut pages = pages(&*self.store, scope, request);
        while overflow.len() < excess
            && let Some(page) = pages.try_next().await?
        {
            overflow.extend(contexts(page).into_iter().filter(|context| !context.pinned));
        }
        overflow.truncate(excess);
        Ok(overflow)
    }

    /// Changes the level of contexts to `short_term`. The caller holds the sessions' locks. A context that another process
    /// changed meanwhile is left to the next time.
    pub(super) async fn demote(&self, scope: &Scope, contexts: Vec<Context>) -> Result<(), StoreError> {
        if contexts.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let demoted = |context: &Context| {
            let mut demoted = context.clone();
            demoted.level = Level::ShortTerm;
            demoted.renew_expiry(now, self.short_term_ttl_secs);
            demoted.updated_at = to_millis(now);
            demoted
        };
        let changes = contexts.into_iter().map(|context| {
            let demoted = demoted(&context);
            (context, demoted)
        });
        self.store.update_unchanged(scope, changes.collect()).await.map(drop)
    }
}

fn newest_first(key: &SessionKey, limit: usize) -> ListRequest {
    ListRequest {
        filter: Filter {
            levels: vec![Level::Immediate],
            session_id: key.session.clone(),
            sessionless: key.session.is_none(),
            ..Filter::default()
        },
        limit,
        with_vectors: true,
        ..ListRequest::default()
    }
}
