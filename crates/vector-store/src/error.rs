//! Errors of opening a store. Later ones are [`StoreError`](context_manager_core::ports::StoreError)s.

use std::io;
use std::path::PathBuf;

use context_manager_core::ports::{BoxError, ModelFingerprint};

/// Error of opening a data folder or a collection, which is unchanged unless stated otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be read or written.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// Operation that failed.
        operation: &'static str,
        /// Path of the file or folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },

    /// The path is a file.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// Path of the file.
        path: PathBuf,
    },

    /// The folder holds other files.
    #[error("`{}` is not a data folder of the context manager: it is not empty and has no manifest.json", path.display())]
    Foreign {
        /// Path of the folder.
        path: PathBuf,
    },

    /// An earlier version divided the folder into shards.
    #[error(
        "data folder `{}` is divided into shards, which this version does not read: write what it holds with the `context-manager \
         export` of the version that made it, and read that into a new folder with the `context-manager import` of this one",
        path.display()
    )]
    Sharded {
        /// Path of the folder.
        path: PathBuf,
    },

    /// Another process, or another store in this one, has the folder open.
    #[error("`{}` is in use by {}", path.display(), holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// Path of the folder.
        path: PathBuf,
        /// Id of the process, if known.
        holder: Option<u32>,
    },

    /// The manifest cannot be read.
    #[error("the manifest of data folder `{}` is corrupt: restore a snapshot into another folder, or put a copy of manifest.json back", path.display())]
    CorruptManifest {
        /// Path of the folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },

    /// The folder was written by a newer version.
    #[error("data folder `{}` has format {found}, and this version reads formats up to {supported}", path.display())]
    NewerFormat {
        /// Path of the folder.
        path: PathBuf,
        /// Format of the folder.
        found: u32,
        /// Newest supported format.
        supported: u32,
    },

    /// The vectors in the folder were made by another model.
    #[error(
        "data folder `{}` holds vectors of the model {stored}, and the configured model is {current}: \
         run `context-manager reembed` to compute them anew, or configure the old model again",
        path.display()
    )]
    ModelChanged {
        /// Path of the folder.
        path: PathBuf,
        /// Model whose vectors are stored.
        stored: Box<ModelFingerprint>,
        /// Configured model.
        current: Box<ModelFingerprint>,
    },

    /// The engine's files are missing or contradict the manifest.
    #[error("data folder `{}` is damaged: {problem}", path.display())]
    Damaged {
        /// Path of the folder.
        path: PathBuf,
        /// Description of the damage.
        problem: String,
    },

    /// The disk has too little room to open the folder.
    #[error(
        "the disk of data folder `{}` (`vector_db.path`) is full: {free} bytes are free, and opening it needs {needed} \
         (no space left): make room, or move the folder to a larger disk",
        path.display()
    )]
    DiskFull {
        /// Path of the folder.
        path: PathBuf,
        /// Number of free bytes.
        free: u64,
        /// Number of bytes that opening it needs.
        needed: u64,
    },

    /// The engine failed to start. It may have begun to repair the folder.
    #[error("the engine cannot {operation} data folder `{}`", path.display())]
    Engine {
        /// Operation that failed.
        operation: &'static str,
        /// Path of the folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: BoxError,
    },

    /// The Qdrant server cannot be reached, or failed.
    #[error("cannot {operation} at the Qdrant server `{url}`")]
    Server {
        /// Operation that failed.
        operation: &'static str,
        /// URL of the server.
        url: String,
        /// `true` if the server is down or out of reach, so that a later attempt may succeed.
        is_outage: bool,
        /// Cause.
        #[source]
        source: BoxError,
    },

    /// The Qdrant server is too old.
    #[error("the Qdrant server `{url}` has version {found}, and {oldest} or later is needed")]
    ServerTooOld {
        /// URL of the server.
        url: String,
        /// Version of the server.
        found: String,
        /// Oldest supported version.
        oldest: String,
    },

    /// The collection belongs to another program, or has another shape.
    #[error(
        "the collection `{collection}` at the Qdrant server `{url}` cannot be used: {problem}. It was left as it is: \
         set another `vector_db.collection_prefix`, or remove or rename the collection if nobody needs it"
    )]
    ForeignCollection {
        /// URL of the server.
        url: String,
        /// Name of the collection.
        collection: String,
        /// Difference.
        problem: String,
    },

    /// The vectors in the collection were made by another model.
    #[error(
        "the collection `{collection}` at the Qdrant server `{url}` holds vectors of the model {stored}, and the \
         configured model is {current}: configure the old model again, or set another `vector_db.collection_prefix` to \
         begin anew"
    )]
    CollectionModelChanged {
        /// URL of the server.
        url: String,
        /// Name of the collection.
        collection: String,
        /// Model whose vectors are stored.
        stored: Box<ModelFingerprint>,
        /// Configured model.
        current: Box<ModelFingerprint>,
    },

    /// The configuration is invalid.
    #[error("the configuration of the {store} store is wrong: {}", problems.join("; "))]
    Config {
        /// Kind of store.
        store: &'static str,
        /// Each as `key: what is expected`.
        problems: Vec<String>,
    },
}

impl Error {
    /// Returns `true` if the server is down or out of reach, so that a later attempt may succeed.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Server { is_outage: true, .. })
    }
}
