//! Idle sessions: their working memory becomes short-term.

use std::collections::HashSet;

use futures::stream::TryStreamExt;
use jiff::SignedDuration;
use tokio::time::Duration;

use super::report::GcAction;
use super::run::Run;
use crate::context::{Context, Level};
use crate::engine::listing::{contexts, pages};
use crate::engine::working_memory::IdleCheck;
use crate::ports::{ListRequest, Order};
use crate::{Filter, Visibility};

/// Demotes the working memory of sessions not used for `gc.session_idle_secs`.
pub(super) async fn settle_sessions(run: &mut Run<'_>) {
    let idle_secs = run.gc.session_idle_secs;
    if idle_secs == 0 {
        return;
    }
    let now = run.contexts.now();
    let idle = SignedDuration::from_secs(i64::try_from(idle_secs).unwrap_or(i64::MAX));
    // A session whose contexts are all newer than this was used.
    let Ok(since) = now.checked_sub(idle) else { return };
    let request = ListRequest {
        filter: Filter {
            levels: vec![Level::Immediate],
            visibility: Visibility::Live(now),
            ..Filter::default()
        },
        order: Order::OldestFirst,
        limit: run.config.gc_batch_size,
        ..ListRequest::default()
    };
    let mut seen: HashSet<Option<String>> = HashSet::new();
    let mut pages = pages(run.contexts.store, run.scope, request);
    loop {
        let page = match pages.try_next().await {
            Ok(Some(page)) => contexts(page),
            Ok(None) => return,
            Err(error) => return run.failed(&error),
        };
        let old: Vec<Context> = page.into_iter().filter(|context| context.created_at <= since).collect();
        if old.is_empty() {
            return;
        }
        for session in old.into_iter().map(|context| context.session_id) {
            if !seen.insert(session.clone()) {
                continue;
            }
            let check = IdleCheck {
                session,
                idle: Duration::from_secs(idle_secs),
                since,
                batch: (!run.dry).then_some(run.config.gc_batch_size),
            };
            match run.contexts.memory.settle(run.scope, check).await {
                Ok(demoted) => {
                    for context in &demoted {
                        run.note(context, GcAction::Settle, None);
                    }
                    if !demoted.is_empty() {
                        run.pause().await;
                    }
                }
                Err(error) => run.failed(&error),
            }
        }
    }
}
