//! Writes of vectors that were made while the contexts could change.

use crate::Scope;
use crate::context::{Context, ContextId};
use crate::engine::contexts::Contexts;
use crate::ports::StoreError;

/// Runs `write` on those of `contexts` that still hold the same text, as they are stored now, under their locks. Deletions
/// take no locks, so `write` must pass over missing contexts.
pub(in crate::engine) async fn while_unchanged<T>(
    at: Contexts<'_>,
    scope: &Scope,
    contexts: &[Context],
    write: impl AsyncFnOnce(Vec<Context>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let _locks = at.locks.lock_contexts(scope.tenant(), contexts).await;
    let ids: Vec<ContextId> = contexts.iter().map(|context| context.id).collect();
    let mut current = at.store.get(scope, &ids).await?;
    current.retain(|now| contexts.iter().any(|then| then.id == now.id && then.text == now.text));
    write(current).await
}
