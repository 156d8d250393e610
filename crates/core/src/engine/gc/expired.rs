//! What becomes of contexts whose time to live is over.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{GcAction, Run};
use crate::context::{ContentKey, Context, ContextId, Level, to_millis};
use crate::engine::ContextEngine;
use crate::engine::locks::Key;
use crate::lifecycle::{Reason, Verdict, at_end_of_life};
use crate::ports::{ListRequest, Order, Record, StoreError};
use crate::{Filter, Scope, Visibility};

/// How many contexts that are to be made into fewer are in memory at once.
const BLOCK: usize = 1000;

/// What becomes of a batch.
#[derive(Debug, Default)]
struct Ending {
    promoted: Vec<Context>,
    gone: Vec<(Context, Reason)>,
    to_consolidate: HashSet<ContextId>,
}

impl ContextEngine {
    /// Treats everything that is expired, the first stored first.
    pub(super) async fn collect_expired(&self, run: &mut Run<'_>) {
        let mut request = ListRequest {
            filter: Filter {
                visibility: Visibility::Expired(self.clock.now()),
                ..Filter::default()
            },
            order: Order::OldestFirst,
            limit: self.gc_batch(),
            with_vectors: true,
            ..ListRequest::default()
        };
        let mut worth = Vec::new();
        loop {
            let page = match self.store.list(run.scope, request.clone()).await {
                Ok(page) => page,
                Err(error) => {
                    run.failed(&error);
                    break;
                }
            };
            worth.extend(self.end(run, page.items, Verdict::Consolidate).await);
            if worth.len() >= BLOCK {
                self.consolidate(run, std::mem::take(&mut worth)).await;
            }
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
            self.rest(run).await;
        }
        self.consolidate(run, worth).await;
    }

    /// Treats expired contexts batch by batch, and returns those that are to be made into fewer. `consolidate_as` is what
    /// becomes of these instead.
    pub(super) async fn end(&self, run: &mut Run<'_>, records: Vec<Record>, consolidate_as: Verdict) -> Vec<Record> {
        let mut worth = Vec::new();
        for batch in records.chunks(self.gc_batch()) {
            match self.end_batch(run, batch, consolidate_as).await {
                Ok(ids) => worth.extend(batch.iter().filter(|record| ids.contains(&record.context.id)).cloned()),
                Err(error) => run.failed(&error),
            }
        }
        worth
    }

    async fn end_batch(
        &self,
        run: &mut Run<'_>,
        batch: &[Record],
        consolidate_as: Verdict,
    ) -> Result<HashSet<ContextId>, StoreError> {
        if run.dry {
            let contexts = batch.iter().map(|record| record.context.clone()).collect();
            let ending = self.ending(run.scope, contexts, consolidate_as).await?;
            note(run, &ending);
            return Ok(ending.to_consolidate);
        }
        let texts: Vec<ContentKey> = batch.iter().map(|record| record.context.content_key()).collect();
        let mut keys = Vec::with_capacity(2 * batch.len());
        for (record, text) in batch.iter().zip(&texts) {
            let context = &record.context;
            keys.push(Key::Id(context.id));
            match context.level {
                // Working memory is in the order of its session.
                Level::Immediate => keys.push(Key::Session(context.session_id.as_deref())),
                // What becomes long-term must not do so twice.
                Level::ShortTerm => keys.push(Key::Content(text)),
                Level::LongTerm => {}
            }
        }
        let _locks = self.locks.lock(run.scope.tenant(), keys).await;
        let ids: Vec<ContextId> = batch.iter().map(|record| record.context.id).collect();
        let current = self.store.get(run.scope, &ids).await?;
        let ending = self.ending(run.scope, current, consolidate_as).await?;
        let now = self.clock.now();
        if !ending.promoted.is_empty() {
            let promoted = ending.promoted.iter().map(|context| long_term(context.clone(), now));
            self.store.update(run.scope, promoted.collect()).await?;
        }
        let gone: HashSet<ContextId> = ending.gone.iter().map(|(context, _)| context.id).collect();
        if !gone.is_empty() {
            let filter = Filter {
                // Whatever came between, even from another process: what is served is not deleted.
                visibility: Visibility::Expired(now),
                ..Filter::by_ids(gone.iter().copied().collect())
            };
            self.store.delete(run.scope, &filter).await?;
            if ending.gone.iter().any(|(context, _)| context.level == Level::Immediate) {
                self.l1.deleted(run.scope.tenant(), &filter);
            }
            let missed: HashMap<ContextId, Reason> = ending
                .gone
                .iter()
                .map(|(context, reason)| (context.id, *reason))
                .collect();
            let forgotten = batch
                .iter()
                .filter(|record| missed.get(&record.context.id) == Some(&Reason::Expired));
            self.regret.collected(run.scope, forgotten, now);
        }
        note(run, &ending);
        Ok(ending.to_consolidate)
    }

    /// What becomes of contexts as they are now.
    async fn ending(
        &self,
        scope: &Scope,
        contexts: Vec<Context>,
        consolidate_as: Verdict,
    ) -> Result<Ending, StoreError> {
        let now = self.clock.now();
        let mut ending = Ending::default();
        for context in contexts {
            let verdict = at_end_of_life(&context, now, &self.lifecycle.gc, &self.lifecycle.consolidation);
            let verdict = if verdict == Verdict::Consolidate {
                consolidate_as
            } else {
                verdict
            };
            match verdict {
                Verdict::Keep => {}
                Verdict::Promote => ending.promoted.push(context),
                Verdict::Consolidate => {
                    ending.to_consolidate.insert(context.id);
                }
                Verdict::Collect(reason) => ending.gone.push((context, reason)),
            }
        }
        let texts: Vec<ContentKey> = ending.promoted.iter().map(Context::content_key).collect();
        if !texts.is_empty() {
            let same = self.store.find_by_content(scope, &texts).await?;
            let stands = |context: &Context| {
                context.level == Level::LongTerm && context.is_live(now) && context.superseded_by.is_none()
            };
            let mut there: HashSet<ContentKey> = same
                .iter()
                .filter(|context| stands(context))
                .map(Context::content_key)
                .collect();
            let promoted = std::mem::take(&mut ending.promoted);
            for context in promoted {
                if there.insert(context.content_key()) {
                    ending.promoted.push(context);
                } else {
                    ending.gone.push((context, Reason::Duplicate));
                }
            }
        }
        Ok(ending)
    }
}

fn note(run: &mut Run<'_>, ending: &Ending) {
    for context in &ending.promoted {
        run.note(context, GcAction::Promote);
    }
    for (context, reason) in &ending.gone {
        run.note(context, GcAction::Delete(*reason));
    }
}

/// A context as it stands at the long-term level, where it lives until somebody ends it.
pub(super) fn long_term(mut context: Context, now: Timestamp) -> Context {
    context.level = Level::LongTerm;
    context.ttl_secs = None;
    context.expires_at = None;
    context.updated_at = to_millis(now);
    context
}
