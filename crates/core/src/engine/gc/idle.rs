//! Sessions that nobody uses any more: their working memory becomes short-term.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Duration;

use super::{GcAction, Run};
use crate::context::{Context, Level};
use crate::engine::ContextEngine;
use crate::engine::locks::Key;
use crate::l1::SessionKey;
use crate::ports::{ListRequest, Order, StoreError};
use crate::{Filter, Visibility};

impl ContextEngine {
    /// Moves on what is in the working memory of sessions not used for `gc.session_idle_secs`.
    pub(super) async fn settle_idle_sessions(&self, run: &mut Run<'_>) {
        let idle_secs = self.lifecycle.gc.session_idle_secs;
        if idle_secs == 0 {
            return;
        }
        let now = self.clock.now();
        let idle = SignedDuration::from_secs(i64::try_from(idle_secs).unwrap_or(i64::MAX));
        // A session all of whose contexts are newer than this was used.
        let Ok(since) = now.checked_sub(idle) else { return };
        let mut request = ListRequest {
            filter: Filter {
                levels: vec![Level::Immediate],
                visibility: Visibility::Live(now),
                ..Filter::default()
            },
            order: Order::OldestFirst,
            limit: self.gc_batch(),
            ..ListRequest::default()
        };
        let mut seen: HashSet<Option<String>> = HashSet::new();
        loop {
            let page = match self.store.list(run.scope, request.clone()).await {
                Ok(page) => page,
                Err(error) => return run.failed(&error),
            };
            let old = page.items.into_iter().map(|record| record.context);
            let old: Vec<Context> = old.filter(|context| context.created_at <= since).collect();
            let ended = old.is_empty();
            for session in old.into_iter().map(|context| context.session_id) {
                if !seen.insert(session.clone()) {
                    continue;
                }
                if let Err(error) = self.settle(run, session, since).await {
                    run.failed(&error);
                }
            }
            request.after = page.next.filter(|_| !ended);
            if request.after.is_none() {
                return;
            }
        }
    }

    async fn settle(&self, run: &mut Run<'_>, session: Option<String>, since: Timestamp) -> Result<(), StoreError> {
        let key = SessionKey {
            tenant: run.scope.tenant().clone(),
            session,
        };
        let idle = Duration::from_secs(self.lifecycle.gc.session_idle_secs);
        if self.l1.unused_for(&key).is_some_and(|unused| unused < idle) {
            return Ok(());
        }
        let _order = self
            .locks
            .lock(&key.tenant, [Key::Session(key.session.as_deref())])
            .await;
        let immediate = self.immediate(run, &key).await?;
        let used = |context: &Context| {
            context
                .updated_at
                .max(context.last_accessed_at.unwrap_or(context.updated_at))
        };
        if immediate.iter().any(|context| used(context) > since) {
            return Ok(());
        }
        // A pinned one is never moved down.
        let settled: Vec<Context> = immediate.into_iter().filter(|context| !context.pinned).collect();
        if settled.is_empty() {
            return Ok(());
        }
        if !run.dry {
            for batch in settled.chunks(self.gc_batch()) {
                self.move_to_short_term(run.scope, batch.to_vec()).await?;
            }
            self.l1.forget(&key);
        }
        for context in &settled {
            run.note(context, GcAction::Settle);
        }
        self.rest(run).await;
        Ok(())
    }

    /// Every immediate context of a session.
    async fn immediate(&self, run: &Run<'_>, key: &SessionKey) -> Result<Vec<Context>, StoreError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = self.immediate_page(run.scope, key, after).await?;
            found.extend(page.items.into_iter().map(|record| record.context));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}
