//! Contexts at the end of their life: expired ones, and short-term ones that are due to become long-term.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::{GcAction, Run};
use crate::context::{Context, ContextId, Level, to_millis};
use crate::engine::ContextEngine;
use crate::engine::locks::Key;
use crate::lifecycle::{Reason, Rules, Verdict, at_end_of_life};
use crate::ports::{ListRequest, Order, Record, StoreError};
use crate::{Filter, L2OnExpiry, Visibility};

impl ContextEngine {
    /// Ends everything that is expired, the first stored first.
    pub(super) async fn end_expired(&self, run: &mut Run<'_>) {
        let expired = Filter {
            visibility: Visibility::Expired(self.clock.now()),
            ..Filter::default()
        };
        self.end_matching(run, expired, Timestamp::MAX).await;
    }

    /// Promotes short-term contexts that have no end, once their time at that level is over.
    pub(super) async fn promote_due(&self, run: &mut Run<'_>) {
        let without_end = Filter {
            levels: vec![Level::ShortTerm],
            // All others have an end where they are to be forgotten.
            pinned: self.config.l2_on_expiry == L2OnExpiry::Forget,
            visibility: Visibility::Current(self.clock.now()),
            ..Filter::default()
        };
        let at_this_level = SignedDuration::from_secs(i64::try_from(self.config.l2_cache_ttl).unwrap_or(i64::MAX));
        // Nothing that was stored later is due.
        let since = self.clock.now().checked_sub(at_this_level);
        self.end_matching(run, without_end, since.unwrap_or(Timestamp::MIN))
            .await;
    }

    /// Goes through what matches and was stored until `end`, the first stored first.
    async fn end_matching(&self, run: &mut Run<'_>, filter: Filter, end: Timestamp) {
        let mut request = ListRequest {
            filter,
            order: Order::OldestFirst,
            limit: self.gc_batch(),
            with_vectors: self.summarizer.is_some(),
            ..ListRequest::default()
        };
        loop {
            let page = match self.store.list(run.scope, request.clone()).await {
                Ok(page) => page,
                Err(error) => return run.failed(&error),
            };
            let is_past_end = page.items.last().is_some_and(|last| last.context.created_at > end);
            match self.end_batch(run, &page.items).await {
                Ok(promoted) => self.summarise(run, promoted).await,
                Err(error) => run.failed(&error),
            }
            request.after = page.next.filter(|_| !is_past_end);
            if request.after.is_none() {
                return;
            }
            self.rest(run).await;
        }
    }

    /// Decides about a batch under the locks of its contexts, and returns those that became long-term.
    async fn end_batch(&self, run: &mut Run<'_>, batch: &[Record]) -> Result<Vec<Record>, StoreError> {
        let now = self.clock.now();
        let is_ending = |record: &&Record| self.verdict(&record.context, now) != Verdict::Keep;
        let ending: Vec<&Record> = batch.iter().filter(is_ending).collect();
        if ending.is_empty() {
            return Ok(Vec::new());
        }
        let mut keys: Vec<Key<'_>> = ending.iter().map(|record| Key::Id(record.context.id)).collect();
        // Working memory is in the order of its session.
        let immediate = ending.iter().filter(|record| record.context.level == Level::Immediate);
        keys.extend(immediate.map(|record| Key::Session(record.context.session_id.as_deref())));
        let _locks = self.locks.lock(run.scope.tenant(), keys).await;
        let ids: Vec<ContextId> = ending.iter().map(|record| record.context.id).collect();
        let (mut promoted, mut gone) = (Vec::new(), Vec::new());
        for context in self.store.get(run.scope, &ids).await? {
            match self.verdict(&context, now) {
                Verdict::Keep => {}
                Verdict::Promote => promoted.push(context),
                Verdict::Collect(reason) => gone.push((context, reason)),
            }
        }
        if !run.dry {
            let long_term = promoted
                .iter()
                .map(|context| (context.clone(), long_term(context.clone(), now)));
            self.store.update_unchanged(run.scope, long_term.collect()).await?;
            self.discard_expired(run, &gone, now).await?;
        }
        for context in &promoted {
            run.note(context, GcAction::Promote);
        }
        for (context, reason) in &gone {
            run.note(context, GcAction::Delete(*reason));
        }
        let promoted: HashSet<ContextId> = promoted.iter().map(|context| context.id).collect();
        let records = ending
            .into_iter()
            .filter(|record| promoted.contains(&record.context.id));
        Ok(records.cloned().collect())
    }

    async fn discard_expired(
        &self,
        run: &Run<'_>,
        gone: &[(Context, Reason)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let filter = Filter {
            // Whatever came between, even from another process: what is served is not deleted.
            visibility: Visibility::Expired(now),
            ..Filter::by_ids(gone.iter().map(|(context, _)| context.id).collect())
        };
        self.store.discard(run.scope, &filter).await?;
        if gone.iter().any(|(context, _)| context.level == Level::Immediate) {
            self.l1.deleted(run.scope.tenant(), &filter);
        }
        Ok(())
    }

    fn verdict(&self, context: &Context, now: Timestamp) -> Verdict {
        let rules = Rules {
            gc: &self.lifecycle.gc,
            l2_ttl_secs: self.config.l2_cache_ttl,
            l2_on_expiry: self.config.l2_on_expiry,
        };
        at_end_of_life(context, now, rules)
    }
}

/// A context as it stands at the long-term level, where it lives until somebody ends it.
fn long_term(mut context: Context, now: Timestamp) -> Context {
    context.level = Level::LongTerm;
    context.ttl_secs = None;
    context.expires_at = None;
    context.updated_at = to_millis(now);
    context
}
