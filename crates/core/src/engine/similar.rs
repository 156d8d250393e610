//! Stored contexts that are close to a new one, named where `dedup.policy` is `report`. Nothing else comes of it.

use super::ContextEngine;
use crate::context::{Context, Similar};
use crate::lifecycle::DedupPolicy;
use crate::ports::{Record, StoreQuery};
use crate::{Filter, Scope, Visibility};

/// Most contexts that one is said to be close to.
const MAX_SIMILAR: usize = 10;
/// Nearest contexts that are looked at, as those of other users, agents and sessions may be among them.
const LOOKED_AT: usize = 64;

impl ContextEngine {
    /// Names in each of `records` the contexts that were stored before and are close to it. A store that fails costs the
    /// names only.
    pub(super) async fn name_similar<'a>(&self, scope: &Scope, records: impl Iterator<Item = &'a mut Record>) {
        if self.lifecycle.dedup.policy == DedupPolicy::Keep {
            return;
        }
        for record in records {
            record.context.similar_to = self.similar_to(scope, record).await;
        }
    }

    async fn similar_to(&self, scope: &Scope, record: &Record) -> Vec<Similar> {
        let context = &record.context;
        let Some(vector) = record.dense.clone() else {
            return Vec::new();
        };
        let query = StoreQuery {
            dense: Some(vector),
            terms: None,
            filter: Filter {
                user_id: context.user_id.clone(),
                agent_id: context.agent_id.clone(),
                session_id: context.session_id.clone(),
                visibility: Visibility::Current(self.clock.now()),
                ..Filter::default()
            },
            limit: LOOKED_AT,
            exact: false,
        };
        let found = match self.store.search(scope, query).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "similar contexts are not named: the store failed");
                return Vec::new();
            }
        };
        let threshold = self.lifecycle.dedup.similarity_threshold;
        let close = found.iter().filter_map(|candidate| {
            let other = &candidate.record.context;
            let similarity = candidate.dense.filter(|similarity| *similarity >= threshold)?;
            (other.id != context.id && same_scope(other, context)).then_some(Similar {
                id: other.id,
                similarity: similarity.min(1.0),
            })
        });
        let mut similar: Vec<Similar> = close.collect();
        similar.sort_unstable_by(|a, b| b.similarity.total_cmp(&a.similarity).then_with(|| a.id.cmp(&b.id)));
        similar.truncate(MAX_SIMILAR);
        similar
    }
}

/// Compares users, agents and sessions; a filter without one of them matches all.
fn same_scope(a: &Context, b: &Context) -> bool {
    (&a.user_id, &a.agent_id, &a.session_id) == (&b.user_id, &b.agent_id, &b.session_id)
}
