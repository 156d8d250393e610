//! Export of everything that a tenant has stored, page by page.

use crate::context::Context;
use crate::engine::contexts::Contexts;
use crate::ports::{ListRequest, ModelFingerprint, Order, StoreError};
use crate::{Cursor, Filter, Page, Scope, Visibility};

/// Export record: a context on its way from one store to another.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportRecord {
    /// The context, with its times, counts and offset.
    pub context: Context,
    /// Its vector with the model that made it, if vectors are exported.
    pub vector: Option<(ModelFingerprint, Vec<f32>)>,
}

/// Page of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportRequest {
    /// End of the page before.
    pub after: Option<Cursor>,
    /// End of the export, see [`ContextEngine::export_end`](crate::ContextEngine::export_end). Without one, an export might
    /// never catch up with the writes meanwhile.
    pub end: Cursor,
    /// Maximum number of contexts, exceeded only by those with the same sequence number.
    pub limit: usize,
    /// Adds vectors.
    pub with_vectors: bool,
}

/// Returns the end of an export that begins now.
pub(crate) async fn export_end(contexts: Contexts<'_>, scope: &Scope) -> Result<Cursor, StoreError> {
    contexts.sequences.seed(scope).await?;
    Ok(Cursor(contexts.sequences.next(contexts.now())))
}

/// Returns one page of everything that has not expired.
pub(crate) async fn export_page(
    contexts: Contexts<'_>,
    scope: &Scope,
    request: ExportRequest,
) -> Result<Page<ExportRecord>, StoreError> {
    // Held so that the vectors are of this model.
    let model = contexts.models.in_use().await;
    let list = ListRequest {
        filter: Filter {
            visibility: Visibility::Live(contexts.now()),
            ..Filter::default()
        },
        order: Order::OldestFirst,
        after: request.after,
        limit: request.limit,
        with_vectors: request.with_vectors,
    };
    let page = contexts.store.list(scope, list).await?;
    let fetched = page.items.len();
    let in_range = page
        .items
        .into_iter()
        .take_while(|record| record.context.sequence <= request.end.0);
    let items: Vec<ExportRecord> = in_range
        .map(|record| ExportRecord {
            vector: record.dense.map(|dense| (model.fingerprint().clone(), dense)),
            context: record.context,
        })
        .collect();
    Ok(Page {
        next: page.next.filter(|_| items.len() == fetched),
        items,
    })
}
