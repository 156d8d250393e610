//! Reads that several rooms share: lists page by page, and counts over all tenants.

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::context::{Context, ContextId};
use crate::ports::{ListRequest, Record, StoreError, VectorStore};
use crate::{Filter, Scope};

/// Streams the pages of a list; each one is fetched when it is asked for.
pub(super) fn pages<'a>(
    store: &'a dyn VectorStore,
    scope: &'a Scope,
    request: ListRequest,
) -> BoxStream<'a, Result<Vec<Record>, StoreError>> {
    stream::try_unfold(Some(request), move |request| async move {
        let Some(mut request) = request else { return Ok(None) };
        let page = store.list(scope, request.clone()).await?;
        request.after = page.next;
        Ok(Some((page.items, page.next.map(|_| request))))
    })
    .boxed()
}

/// Returns the stored records with these ids, with vectors and sparse vectors.
pub(super) async fn records(
    store: &dyn VectorStore,
    scope: &Scope,
    ids: Vec<ContextId>,
) -> Result<Vec<Record>, StoreError> {
    let request = ListRequest {
        limit: ids.len(),
        filter: Filter::by_ids(ids),
        with_vectors: true,
        ..ListRequest::default()
    };
    pages(store, scope, request).try_concat().await
}

/// Drops the vectors of records.
pub(super) fn contexts(records: Vec<Record>) -> Vec<Context> {
    records.into_iter().map(|record| record.context).collect()
}

/// Counts the matching contexts of all tenants.
pub(super) async fn count_everywhere(store: &dyn VectorStore, filter: &Filter) -> Result<u64, StoreError> {
    let mut count = 0;
    for tenant in store.tenants(filter).await? {
        count += store.count(&Scope::maintenance(tenant), filter).await?;
    }
    Ok(count)
}
