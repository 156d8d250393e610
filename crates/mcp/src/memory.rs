//! The operations that the tools need.

use async_trait::async_trait;
use context_manager_client::ListContexts;
use context_manager_client::wire::{
    AssembleRequest, AssembleResponse, Context, ContextPage, ContextPatch, Filter, NewContext, SearchRequest,
    SearchResponse, Stats, Written,
};
use uuid::Uuid;

/// The memory of one tenant, in the types of the HTTP API.
///
/// The credential behind it decides the tenant and the permissions.
#[async_trait]
pub trait Memory: Send + Sync {
    /// Finds the contexts that answer a query.
    async fn search(&self, request: &SearchRequest) -> Result<SearchResponse, Fault>;

    /// Returns a context, or `None` if there is none of this id.
    async fn get(&self, id: Uuid) -> Result<Option<Context>, Fault>;

    /// Stores a context.
    async fn store(&self, context: &NewContext) -> Result<Written, Fault>;

    /// Changes a context.
    async fn update(&self, id: Uuid, patch: &ContextPatch) -> Result<Written, Fault>;

    /// Deletes the contexts that match, and returns their number.
    async fn forget(&self, filter: &Filter) -> Result<u64, Fault>;

    /// Writes the contexts that answer a query into one text.
    async fn assemble(&self, request: &AssembleRequest) -> Result<AssembleResponse, Fault>;

    /// Lists contexts, newest first.
    async fn list(&self, list: &ListContexts) -> Result<ContextPage, Fault>;

    /// Counts contexts.
    async fn status(&self) -> Result<Stats, Fault>;
}

/// Reason for refusing or failing a call, as a text for the model that made it. It names fields, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The memory refused the call, or failed.
    #[error("{0}")]
    Refused(String),
    /// No memory answered.
    #[error("memory is unreachable, so nothing was stored or changed that is known of: {0}")]
    Unreachable(String),
}

impl Fault {
    /// Creates the fault of a call that was refused.
    pub fn new(text: impl Into<String>) -> Self {
        Self::Refused(text.into())
    }

    /// Creates the fault of a call that names a context which does not exist.
    pub(crate) fn not_found() -> Self {
        Self::new("not_found: there is no such context")
    }
}
