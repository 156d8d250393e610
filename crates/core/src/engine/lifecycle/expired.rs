//! Contexts at the end of their life: expired ones, and short-term ones that are due to become long-term.

use std::collections::HashSet;

use futures::stream::TryStreamExt;
use jiff::{SignedDuration, Timestamp};

use super::report::GcAction;
use super::run::Run;
use super::summary::Summaries;
use crate::context::{Context, ContextId, Level, to_millis};
use crate::engine::listing::pages;
use crate::lifecycle::{Reason, Rules, Verdict, at_end_of_life};
use crate::ports::{ListRequest, Order, Record, StoreError};
use crate::{Filter, L2OnExpiry, Visibility};

/// Ends the life of everything that is expired, oldest first.
pub(super) async fn end_expired(run: &mut Run<'_>, summaries: Option<Summaries<'_>>) {
    let expired = Filter {
        visibility: Visibility::Expired(run.contexts.now()),
        ..Filter::default()
    };
    end_matching(run, summaries, expired, Timestamp::MAX).await;
}

/// Promotes short-term contexts that never expire, once their time at that level is over.
pub(super) async fn promote_due(run: &mut Run<'_>, summaries: Option<Summaries<'_>>) {
    let without_end = Filter {
        levels: vec![Level::ShortTerm],
        // With `forget`, all others expire.
        pinned: run.config.l2_on_expiry == L2OnExpiry::Forget,
        visibility: Visibility::Current(run.contexts.now()),
        ..Filter::default()
    };
    let at_this_level = SignedDuration::from_secs(i64::try_from(run.config.l2_cache_ttl).unwrap_or(i64::MAX));
    // Contexts stored later are not due.
    let since = run.contexts.now().checked_sub(at_this_level);
    end_matching(run, summaries, without_end, since.unwrap_or(Timestamp::MIN)).await;
}

/// Decides about all matching contexts that were stored until `end`, oldest first.
async fn end_matching(run: &mut Run<'_>, summaries: Option<Summaries<'_>>, filter: Filter, end: Timestamp) {
    let request = ListRequest {
        filter,
        order: Order::OldestFirst,
        limit: run.config.gc_batch_size,
        with_vectors: summaries.is_some(),
        ..ListRequest::default()
    };
    let mut pages = pages(run.contexts.store, run.scope, request);
    loop {
        let page = match pages.try_next().await {
            Ok(Some(page)) => page,
            Ok(None) => return,
            Err(error) => return run.failed(&error),
        };
        match end_batch(run, &page).await {
            Ok(promoted) => {
                if let Some(summaries) = summaries {
                    // Boxed, as it holds a whole write.
                    Box::pin(summaries.of_promoted(run, promoted)).await;
                }
            }
            Err(error) => run.failed(&error),
        }
        if page.last().is_some_and(|last| last.context.created_at > end) {
            return;
        }
        run.pause().await;
    }
}

/// Decides about a batch under the locks of its contexts, and returns those that became long-term.
async fn end_batch(run: &mut Run<'_>, batch: &[Record]) -> Result<Vec<Record>, StoreError> {
    let now = run.contexts.now();
    let contexts = batch.iter().map(|record| &record.context);
    let ending: Vec<Context> = contexts
        .filter(|context| verdict(run, context, now) != Verdict::Keep)
        .cloned()
        .collect();
    if ending.is_empty() {
        return Ok(Vec::new());
    }
    let _locks = run.contexts.locks.lock_contexts(run.scope.tenant(), &ending).await;
    let ids: Vec<ContextId> = ending.iter().map(|context| context.id).collect();
    let (mut promoted, mut gone) = (Vec::new(), Vec::new());
    for context in run.contexts.store.get(run.scope, &ids).await? {
        match verdict(run, &context, now) {
            Verdict::Keep => {}
            Verdict::Promote => promoted.push(context),
            Verdict::Delete(reason) => gone.push((context, reason)),
        }
    }
    if !run.dry {
        let changes = promoted
            .iter()
            .cloned()
            .map(|context| (context.clone(), long_term(context, now)));
        run.contexts
            .store
            .update_unchanged(run.scope, changes.collect())
            .await?;
        discard_expired(run, &gone, now).await?;
    }
    for context in &promoted {
        run.note(context, GcAction::Promote, None);
    }
    for (context, reason) in &gone {
        run.note(context, GcAction::Delete(*reason), None);
    }
    let promoted: HashSet<ContextId> = promoted.iter().map(|context| context.id).collect();
    let records = batch.iter().filter(|record| promoted.contains(&record.context.id));
    Ok(records.cloned().collect())
}

async fn discard_expired(run: &Run<'_>, gone: &[(Context, Reason)], now: Timestamp) -> Result<(), StoreError> {
    if gone.is_empty() {
        return Ok(());
    }
    let filter = Filter {
        // A context that another process renewed meanwhile stays.
        visibility: Visibility::Expired(now),
        ..Filter::of(gone.iter().map(|(context, _)| context))
    };
    run.contexts.store.discard(run.scope, &filter).await.map(drop)
}

fn verdict(run: &Run<'_>, context: &Context, now: Timestamp) -> Verdict {
    let rules = Rules {
        gc: run.gc,
        l2_ttl_secs: run.config.l2_cache_ttl,
        l2_on_expiry: run.config.l2_on_expiry,
    };
    at_end_of_life(context, now, rules)
}

/// Returns a context as long-term, without an end.
fn long_term(context: Context, now: Timestamp) -> Context {
    Context {
        level: Level::LongTerm,
        ttl_secs: None,
        expires_at: None,
        updated_at: to_millis(now),
        ..context
    }
}
