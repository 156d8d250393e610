//! Deletion by policy.

use std::collections::HashMap;

use super::{GcAction, Run};
use crate::context::{ContextId, Level};
use crate::engine::ContextEngine;
use crate::engine::locks::Key;
use crate::lifecycle::{Interner, Reason, Standing, judge};
use crate::ports::{ListRequest, Order, StoreError};
use crate::{Filter, Visibility};

/// Contexts looked at with one call.
const PAGE: usize = 1000;

impl ContextEngine {
    /// Looks at every context that a policy is about, and deletes those that have to go, the lowest value first.
    pub(super) async fn apply_policies(&self, run: &mut Run<'_>) {
        let policies = &self.lifecycle.gc.policies;
        if policies.is_empty() {
            return;
        }
        let standings = match self.standings(run).await {
            Ok(standings) => standings,
            Err(error) => return run.failed(&error),
        };
        let judged = judge(policies, &standings, self.clock.now());
        for batch in judged.chunks(self.gc_batch()) {
            let batch: HashMap<ContextId, (&Standing, &str)> = batch
                .iter()
                .map(|(at, policy)| (standings[*at].id, (&standings[*at], policies[*policy].name.as_str())))
                .collect();
            if let Err(error) = self.delete_by_policy(run, &batch).await {
                run.failed(&error);
            }
            self.rest(run).await;
        }
    }

    async fn standings(&self, run: &Run<'_>) -> Result<Vec<Standing>, StoreError> {
        let policies = &self.lifecycle.gc.policies;
        let concerned = |level: &Level| policies.iter().any(|policy| policy.levels().contains(level));
        let now = self.clock.now();
        let mut request = ListRequest {
            filter: Filter {
                levels: Level::ALL.into_iter().filter(concerned).collect(),
                visibility: Visibility::Live(now),
                ..Filter::default()
            },
            order: Order::OldestFirst,
            limit: PAGE,
            ..ListRequest::default()
        };
        let (mut users, mut sessions) = (Interner::default(), Interner::default());
        let half_life = self.config.recency_half_life_secs;
        let mut standings = Vec::new();
        loop {
            let page = self.store.list(run.scope, request.clone()).await?;
            let concerned = page.items.iter().filter_map(|record| {
                Standing::of(&record.context, policies, now, half_life, [&mut users, &mut sessions])
            });
            standings.extend(concerned);
            request.after = page.next;
            if request.after.is_none() {
                return Ok(standings);
            }
        }
    }

    async fn delete_by_policy(
        &self,
        run: &mut Run<'_>,
        batch: &HashMap<ContextId, (&Standing, &str)>,
    ) -> Result<(), StoreError> {
        let ids: Vec<ContextId> = batch.keys().copied().collect();
        // Sessions first: what is locked is known only when the contexts are.
        let contexts = self.store.get(run.scope, &ids).await?;
        let mut keys: Vec<Key<'_>> = ids.iter().map(|id| Key::Id(*id)).collect();
        let immediate = contexts.iter().filter(|context| context.level == Level::Immediate);
        keys.extend(immediate.map(|context| Key::Session(context.session_id.as_deref())));
        let _locks = self.locks.lock(run.scope.tenant(), keys).await;
        let mut current = self.store.get(run.scope, &ids).await?;
        current.retain(|context| batch[&context.id].0.is_of(context));
        if current.is_empty() {
            return Ok(());
        }
        if !run.dry {
            let filter = Filter::by_ids(current.iter().map(|context| context.id).collect());
            self.store.discard(run.scope, &filter).await?;
            if current.iter().any(|context| context.level == Level::Immediate) {
                self.l1.deleted(run.scope.tenant(), &filter);
            }
        }
        for context in &current {
            let (_, policy) = batch[&context.id];
            run.note_for(context, GcAction::Delete(Reason::Policy), Some(policy));
        }
        Ok(())
    }
}
