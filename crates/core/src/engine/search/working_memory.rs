//! The part of a search that reads one session's working memory.

use std::sync::Arc;

use super::SearchRequest;
use crate::context::Level;
use crate::engine::ContextEngine;
use crate::ports::{Record, StoreError};
use crate::{Filter, Scope};

impl ContextEngine {
    /// All matching contexts of the session's working memory; `None` when it was not asked for.
    #[tracing::instrument(level = "debug", skip_all, fields(found))]
    pub(super) async fn search_working_memory(
        &self,
        scope: &Scope,
        request: &SearchRequest,
        filter: &Filter,
    ) -> Result<Option<Vec<Arc<Record>>>, StoreError> {
        if !request.levels().contains(&Level::Immediate) {
            return Ok(None);
        }
        let mut entries = self.working_memory(scope, request.working_memory()).await?;
        entries.retain(|record| filter.matches(&record.context));
        tracing::Span::current().record("found", entries.len());
        Ok(Some(entries))
    }
}
