//! Small documents that the processes on a store share.

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;

/// Maximum size of a document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 4 * 1024 * 1024;
/// Maximum number of documents of a kind that are listed.
pub const MAX_LISTED_DOCUMENTS: usize = 1000;

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedDocument {
    /// Name of this text, which no other text of the document ever has.
    pub version: Uuid,
    /// The text.
    pub text: String,
}

/// Keeps documents for the processes that share a store, and replaces them by compare-and-set. A document has a kind, and a
/// name among those of its kind.
///
/// A read sees every replacement that was acknowledged before it began, by whichever process. Each text gets a version of
/// its own, so that a document restored from a backup is seen to have changed.
#[async_trait]
pub trait SharedDocuments: fmt::Debug + Send + Sync + 'static {
    /// Returns the version of a document, or `None` if there is none. Costs little, whatever the size of the document.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn document_version(&self, kind: &str, name: &str) -> Result<Option<Uuid>, StoreError>;

    /// Returns a document, or `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn document(&self, kind: &str, name: &str) -> Result<Option<SharedDocument>, StoreError>;

    /// Returns the documents of a kind by their names, in one call; at most [`MAX_LISTED_DOCUMENTS`], in any order.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn documents(&self, kind: &str) -> Result<Vec<(String, SharedDocument)>, StoreError>;

    /// Replaces a document whose version is `expected`, or creates it if there is none and `expected` is `None`. Returns the
    /// version of the new text, or `None`, having changed nothing, if the document has another version.
    ///
    /// # Errors
    /// [`StoreError`] when the text has more than [`MAX_DOCUMENT_BYTES`], or the store failed. After an outage during the call
    /// the document may have either text.
    async fn replace_document(
        &self,
        kind: &str,
        name: &str,
        expected: Option<Uuid>,
        text: &str,
    ) -> Result<Option<Uuid>, StoreError>;

    /// Deletes a document, whatever its version; does nothing if there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    async fn delete_document(&self, kind: &str, name: &str) -> Result<(), StoreError>;
}
