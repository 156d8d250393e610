//! Everything a tenant has stored, page by page, to be carried elsewhere.

use crate::context::Context;
use crate::ports::{ListRequest, ModelFingerprint, Order};
use crate::{Cursor, Error, Filter, Page, Scope, TenantId, Visibility};

use super::ContextEngine;

/// A context on its way from one store to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// The context, with its times, counts and place.
    pub context: Context,
    /// Its vector and the model that made it, if it comes along.
    pub vector: Option<(ModelFingerprint, Vec<f32>)>,
}

/// Which page to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportRequest {
    /// Only what comes after this one.
    pub after: Option<Cursor>,
    /// Only what was stored before the export began, see [`ContextEngine::export_end`]. Without an end, an export might
    /// never catch up with what is stored meanwhile.
    pub end: Cursor,
    /// At most this many, unless more share one place in the order.
    pub limit: usize,
    /// Whether vectors come along.
    pub with_vectors: bool,
}

impl ContextEngine {
    /// The end of an export that begins now: no context that is stored later comes before it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn export_end(&self, scope: &Scope) -> Result<Cursor, Error> {
        self.seed_sequence(scope).await?;
        Ok(Cursor(self.next_sequence(self.clock.now())))
    }

    /// The tenants that have something stored.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        Ok(self.store.tenants(&Filter::default()).await?)
    }

    /// The model in use.
    pub async fn model(&self) -> ModelFingerprint {
        self.model.read().await.fingerprint().clone()
    }

    /// One page of everything that has not expired, in the order in which it was stored; ties are broken by id, so that
    /// the order is the same every time.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn export(&self, scope: &Scope, request: ExportRequest) -> Result<Page<Carried>, Error> {
        // Held so that the vectors are this model's.
        let model = self.model.read().await;
        let list = ListRequest {
            filter: Filter {
                visibility: Visibility::Live(self.clock.now()),
                ..Filter::default()
            },
            order: Order::OldestFirst,
            after: request.after,
            limit: request.limit,
            with_vectors: request.with_vectors,
        };
        let page = self.store.list(scope, list).await?;
        let fetched = page.items.len();
        let carried = page
            .items
            .into_iter()
            .take_while(|record| record.context.sequence <= request.end.0);
        let items: Vec<Carried> = carried
            .map(|record| Carried {
                vector: record.dense.map(|dense| (model.fingerprint().clone(), dense)),
                context: record.context,
            })
            .collect();
        Ok(Page {
            next: page.next.filter(|_| items.len() == fetched),
            items,
        })
    }
}
