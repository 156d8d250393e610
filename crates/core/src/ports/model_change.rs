//! Changing the embedding model under a store that serves.

use std::fmt;

use async_trait::async_trait;

use super::{ModelFingerprint, StoreError};
use crate::context::{Context, ContextId};
use crate::{Page, Scope, TenantId};

/// Keeps the vectors of a second model beside those of the one in use, until they take over.
///
/// Searches and writes of [`VectorStore`](super::VectorStore) are about the model in use alone. Replacing a context
/// removes its vector of the other model, deleting it removes both. The size of the two may differ.
#[async_trait]
pub trait ModelChange: fmt::Debug + Send + Sync + 'static {
    /// Which models there are.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn models(&self) -> Result<StoredModels, StoreError>;

    /// Makes room for vectors of `model`, durably. What is there of it already stays; vectors of a third model are removed.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn add_model(&self, model: &ModelFingerprint) -> Result<(), StoreError>;

    /// One page of the contexts that have no vector of the other model, in an order that does not change. Expired and
    /// superseded ones are among them.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn without_other(
        &self,
        scope: &Scope,
        after: Option<ContextId>,
        limit: usize,
    ) -> Result<Page<Context, ContextId>, StoreError>;

    /// The tenants with contexts that have no vector of the other model, in one step however many tenants there are.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn tenants_without_other(&self) -> Result<Vec<TenantId>, StoreError>;

    /// Stores vectors of the other model; ids that are not stored are passed over.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`](super::StoreErrorKind::DimensionMismatch) before anything is written when
    /// a vector has the wrong size or a number that is not finite.
    async fn set_other_vectors(&self, scope: &Scope, vectors: Vec<(ContextId, Vec<f32>)>) -> Result<(), StoreError>;

    /// The other model becomes the one in use, and the one in use the other: durably, and in one step for everybody who
    /// reads. The vectors of both stay.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed or has no other model.
    async fn switch(&self) -> Result<(), StoreError>;

    /// Removes the other model and its vectors, if there are any.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn remove_other(&self) -> Result<(), StoreError>;
}

/// The models whose vectors a store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredModels {
    /// The one that searches use.
    pub in_use: ModelFingerprint,
    /// The one beside it.
    pub other: Option<OtherModel>,
}

/// A model whose vectors are kept but not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherModel {
    /// Which one.
    pub model: ModelFingerprint,
    /// Whether it is on its way to take over, rather than kept to go back to.
    pub filling: bool,
}
