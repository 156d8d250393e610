//! Port of the files' store.

use std::fmt::Debug;

use async_trait::async_trait;

use super::path::FilePath;

/// Content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Text, byte for byte as it was written.
    pub text: String,
    /// Version, different after every change.
    pub version: u64,
}

/// File in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path.
    pub path: FilePath,
    /// Length of its text in bytes.
    pub bytes: u64,
}

/// Outcome of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is stored.
    Done,
    /// The file is not there, or not in the version that was read.
    Stale,
    /// Another file has the path.
    Taken,
}

/// Store of the files of one memory. Paths are those of files only; a directory is a prefix of them.
///
/// Every method is atomic by itself, so that no edit is lost to another client.
#[async_trait]
pub trait FileStore: Debug + Send + Sync {
    /// Failure of the store itself.
    type Error: Send;

    /// Returns a file, `None` if there is none.
    ///
    /// # Errors
    /// The store failed.
    async fn read(&self, path: &FilePath) -> Result<Option<Read>, Self::Error>;

    /// Creates a file: [`Written::Done`], or [`Written::Taken`] if there is one.
    ///
    /// # Errors
    /// The store failed.
    async fn create(&self, path: &FilePath, text: &str) -> Result<Written, Self::Error>;

    /// Replaces the text of a file if it still has the version read: [`Written::Done`], or [`Written::Stale`].
    ///
    /// # Errors
    /// The store failed.
    async fn replace(&self, path: &FilePath, version: u64, text: &str) -> Result<Written, Self::Error>;

    /// Gives a file another path: [`Written::Done`], [`Written::Stale`] if it is gone, [`Written::Taken`] if another file
    /// has that path.
    ///
    /// # Errors
    /// The store failed.
    async fn rename(&self, from: &FilePath, to: &FilePath) -> Result<Written, Self::Error>;

    /// Deletes a file; `false` if there is none.
    ///
    /// # Errors
    /// The store failed.
    async fn delete(&self, path: &FilePath) -> Result<bool, Self::Error>;

    /// Lists all files below a directory, at any depth and in any order.
    ///
    /// # Errors
    /// The store failed.
    async fn list(&self, directory: &FilePath) -> Result<Vec<Entry>, Self::Error>;
}
