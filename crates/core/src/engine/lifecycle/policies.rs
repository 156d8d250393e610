//! Deletion by policy.

use std::collections::HashMap;

use futures::stream::TryStreamExt;

use super::report::GcAction;
use super::run::Run;
use crate::context::{ContextId, Level};
use crate::engine::listing::pages;
use crate::lifecycle::{Interner, PolicyInput, Reason, judge};
use crate::ports::{ListRequest, Order, StoreError};
use crate::{Filter, Visibility};

/// Number of contexts that are read at once.
const PAGE: usize = 1000;

/// Judges every context that a policy applies to, and deletes those over a limit, the lowest value first.
pub(super) async fn apply(run: &mut Run<'_>) {
    let policies = &run.gc.policies;
    if policies.is_empty() {
        return;
    }
    let inputs = match inputs(run).await {
        Ok(inputs) => inputs,
        Err(error) => return run.failed(&error),
    };
    let judged = judge(policies, &inputs, run.contexts.now());
    for batch in judged.chunks(run.config.gc_batch_size) {
        let of_id = |(at, policy): &(usize, usize)| {
            let standing = &inputs[*at];
            (standing.id, (standing, policies[*policy].name.as_str()))
        };
        if let Err(error) = delete(run, &batch.iter().map(of_id).collect()).await {
            run.failed(&error);
        }
        run.pause().await;
    }
}

async fn inputs(run: &Run<'_>) -> Result<Vec<PolicyInput>, StoreError> {
    let policies = &run.gc.policies;
    let concerned = |level: &Level| policies.iter().any(|policy| policy.levels().contains(level));
    let now = run.contexts.now();
    let request = ListRequest {
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
    let half_life = run.config.recency_half_life_secs;
    let mut inputs = Vec::new();
    let mut pages = pages(run.contexts.store, run.scope, request);
    while let Some(page) = pages.try_next().await? {
        let concerned = page.iter().filter_map(|record| {
            PolicyInput::of(&record.context, policies, now, half_life, [&mut users, &mut sessions])
        });
        inputs.extend(concerned);
    }
    Ok(inputs)
}

async fn delete(run: &mut Run<'_>, batch: &HashMap<ContextId, (&PolicyInput, &str)>) -> Result<(), StoreError> {
    let ids: Vec<ContextId> = batch.keys().copied().collect();
    // Read for their sessions, which are locked, too.
    let contexts = run.contexts.store.get(run.scope, &ids).await?;
    let _locks = run.contexts.locks.lock_contexts(run.scope.tenant(), &contexts).await;
    let mut current = run.contexts.store.get(run.scope, &ids).await?;
    current.retain(|context| batch[&context.id].0.is_of(context));
    if !run.dry && !current.is_empty() {
        run.contexts.store.discard(run.scope, &Filter::of(&current)).await?;
    }
    for context in &current {
        let (_, policy) = batch[&context.id];
        run.note(context, GcAction::Delete(Reason::Policy), Some(policy));
    }
    Ok(())
}
