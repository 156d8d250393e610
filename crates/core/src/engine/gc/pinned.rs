//! Pinned short-term contexts, which never expire: they become long-term when others would have expired.

use jiff::Timestamp;

use super::expired::long_term;
use super::{GcAction, Run};
use crate::context::{Context, ContextId, Level, after};
use crate::engine::ContextEngine;
use crate::engine::locks::Key;
use crate::ports::{ListRequest, Order, StoreError};
use crate::{Filter, Visibility};

impl ContextEngine {
    /// Moves them up, the first stored first.
    pub(super) async fn promote_pinned(&self, run: &mut Run<'_>) {
        if !self.lifecycle.gc.promote_pinned {
            return;
        }
        let mut request = ListRequest {
            filter: Filter {
                levels: vec![Level::ShortTerm],
                pinned: true,
                visibility: Visibility::Current(self.clock.now()),
                ..Filter::default()
            },
            order: Order::OldestFirst,
            limit: self.gc_batch(),
            ..ListRequest::default()
        };
        loop {
            let page = match self.store.list(run.scope, request.clone()).await {
                Ok(page) => page,
                Err(error) => return run.failed(&error),
            };
            let now = self.clock.now();
            let due = page.items.iter().map(|record| &record.context);
            let due: Vec<ContextId> = due
                .filter(|context| self.is_due(context, now))
                .map(|context| context.id)
                .collect();
            if !due.is_empty() {
                if let Err(error) = self.promote_batch(run, &due).await {
                    run.failed(&error);
                }
                self.rest(run).await;
            }
            request.after = page.next;
            if request.after.is_none() {
                return;
            }
        }
    }

    /// Whether a pinned short-term context would have expired without its pin.
    fn is_due(&self, context: &Context, now: Timestamp) -> bool {
        let ttl_secs = context.ttl_secs.unwrap_or(self.config.l2_cache_ttl);
        context.pinned && context.level == Level::ShortTerm && after(context.updated_at, ttl_secs) <= now
    }

    async fn promote_batch(&self, run: &mut Run<'_>, ids: &[ContextId]) -> Result<(), StoreError> {
        let _locks = self
            .locks
            .lock(run.scope.tenant(), ids.iter().map(|id| Key::Id(*id)))
            .await;
        let now = self.clock.now();
        let mut due = self.store.get(run.scope, ids).await?;
        due.retain(|context| self.is_due(context, now));
        if !run.dry {
            let promoted = due.iter().map(|context| long_term(context.clone(), now)).collect();
            self.store.update(run.scope, promoted).await?;
        }
        for context in &due {
            run.note(context, GcAction::Promote);
        }
        Ok(())
    }
}
