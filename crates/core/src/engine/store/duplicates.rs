//! Stored contexts that are close to a new one, named if `dedup.policy` is `report`. They have no other effect.

use crate::context::{Context, Similar};
use crate::engine::contexts::Contexts;
use crate::engine::model_in_use::ModelGuard;
use crate::lifecycle::{Dedup, DedupPolicy};
use crate::ports::{Record, StoreQuery};
use crate::{Error, Filter, Scope, Visibility};

/// Maximum number of similar contexts that are named.
const MAX_SIMILAR: usize = 10;
/// Number of nearest contexts that are compared, as those of other users, agents and sessions may be among them.
const COMPARED: usize = 64;

/// Returns the vectors of texts to be stored. Contexts are compared by theirs, so that none may follow the write then.
pub(super) async fn vectors(
    contexts: Contexts<'_>,
    config: &Dedup,
    scope: &Scope,
    model: &ModelGuard<'_>,
    texts: &[String],
) -> Vec<Result<Option<Vec<f32>>, Error>> {
    match config.policy {
        DedupPolicy::Keep => contexts.models.embed_on_write(scope, model, texts).await,
        DedupPolicy::Report => contexts.models.embed(scope, model, texts).await,
    }
}

/// Names in each of `records` the stored contexts that are close to it. A failure of the store costs the names only.
pub(super) async fn name_similar<'r>(
    contexts: Contexts<'_>,
    config: &Dedup,
    scope: &Scope,
    records: impl Iterator<Item = &'r mut Record>,
) {
    if config.policy == DedupPolicy::Keep {
        return;
    }
    for record in records {
        record.context.similar_to = similar_to(contexts, scope, record, config.similarity_threshold).await;
    }
}

async fn similar_to(contexts: Contexts<'_>, scope: &Scope, record: &Record, threshold: f32) -> Vec<Similar> {
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
            visibility: Visibility::Current(contexts.now()),
            ..Filter::default()
        },
        limit: COMPARED,
        exact: false,
    };
    let found = match contexts.store.search(scope, query).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "similar contexts are not named: the store failed");
            return Vec::new();
        }
    };
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

/// Compares users, agents and sessions; a filter without one of them matches all.
fn same_scope(a: &Context, b: &Context) -> bool {
    (&a.user_id, &a.agent_id, &a.session_id) == (&b.user_id, &b.agent_id, &b.session_id)
}
