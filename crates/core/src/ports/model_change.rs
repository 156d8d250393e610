//! Change of the embedding model of a store in use.

use std::fmt;

use async_trait::async_trait;

use super::{ModelFingerprint, StoreError};
use crate::context::{Context, ContextId};
use crate::{Page, Scope, TenantId};

/// Store with vectors of a second model beside those of the model in use.
///
/// Searches and writes of [`VectorStore`](super::VectorStore) apply to the model in use. Replacing a context removes its
/// vector of the other model, deleting it removes both. The two models may have vectors of different sizes. Every call
/// returns a [`StoreError`] if the store fails.
#[async_trait]
pub trait ModelChange: fmt::Debug + Send + Sync + 'static {
    /// Returns the models of the store.
    async fn models(&self) -> Result<StoredModels, StoreError>;

    /// Adds `model` as the other model, durably. Existing vectors of it stay; those of a third model are removed.
    async fn add_model(&self, model: &ModelFingerprint) -> Result<(), StoreError>;

    /// Returns a page of the contexts without a vector of the other model, in a stable order, including expired and
    /// superseded ones.
    async fn without_other(
        &self,
        scope: &Scope,
        after: Option<ContextId>,
        limit: usize,
    ) -> Result<Page<Context, ContextId>, StoreError>;

    /// Returns the tenants with contexts without a vector of the other model, in one query for any number of tenants.
    async fn tenants_without_other(&self) -> Result<Vec<TenantId>, StoreError>;

    /// Stores vectors of the other model; unknown ids are skipped.
    ///
    /// # Errors
    /// [`StoreErrorKind::DimensionMismatch`](super::StoreErrorKind::DimensionMismatch) before anything is written if
    /// a vector has the wrong size or a number that is not finite.
    async fn set_other_vectors(&self, scope: &Scope, vectors: Vec<(ContextId, Vec<f32>)>) -> Result<(), StoreError>;

    /// Swaps the model in use and the other model, durably and atomically for readers. The vectors of both stay.
    ///
    /// # Errors
    /// [`StoreError`] if the store failed or has no other model.
    async fn switch(&self) -> Result<(), StoreError>;

    /// Removes the other model and its vectors, if any.
    async fn remove_other(&self) -> Result<(), StoreError>;
}

/// Models whose vectors a store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredModels {
    /// Model that searches use.
    pub in_use: ModelFingerprint,
    /// Model beside it.
    pub other: Option<OtherModel>,
}

/// Model whose vectors are kept but not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherModel {
    /// Fingerprint of the model.
    pub model: ModelFingerprint,
    /// `true` while its vectors are being filled in for a switch, `false` if it is kept for a way back.
    pub filling: bool,
}
