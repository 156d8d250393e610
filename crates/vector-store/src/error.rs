//! Why a store cannot be opened. What goes wrong later is a [`StoreError`](context_manager_core::ports::StoreError).

use std::io;
use std::path::PathBuf;

use context_manager_core::ports::{BoxError, ModelFingerprint};

/// Why a data folder or a collection cannot be opened. Unless said otherwise, it was left exactly as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be read or written.
    #[error("cannot {operation} `{}`", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },

    /// The path leads to a file.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },

    /// The folder holds something else.
    #[error("`{}` is not a data folder of the context manager: it is not empty and has no manifest.json", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },

    /// An earlier version divided the folder into shards.
    #[error(
        "data folder `{}` is divided into shards, which this version does not read: write what it holds with the `context-manager \
         export` of the version that made it, and read that into a new folder with the `context-manager import` of this one",
        path.display()
    )]
    Sharded {
        /// The folder.
        path: PathBuf,
    },

    /// Another process, or another store in this one, has the folder open.
    #[error("`{}` is in use by {}", path.display(), holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The folder.
        path: PathBuf,
        /// The process that has it, if it said so.
        holder: Option<u32>,
    },

    /// The manifest is not one.
    #[error("the manifest of data folder `{}` is corrupt: restore a snapshot into another folder, or put a copy of manifest.json back", path.display())]
    CorruptManifest {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },

    /// The folder was written by a newer version.
    #[error("data folder `{}` has format {found}, and this version reads formats up to {supported}", path.display())]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest one known.
        supported: u32,
    },

    /// The vectors in the folder were made by another model.
    #[error(
        "data folder `{}` holds vectors of the model {stored}, and the configured model is {current}: \
         run `context-manager reembed` to compute them anew, or configure the old model again",
        path.display()
    )]
    ModelChanged {
        /// The folder.
        path: PathBuf,
        /// The model whose vectors are stored.
        stored: Box<ModelFingerprint>,
        /// The model that is configured.
        current: Box<ModelFingerprint>,
    },

    /// The engine's own files are missing, or are not what the manifest says.
    #[error("data folder `{}` is damaged: {problem}", path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },

    /// The disk has too little room to open the folder.
    #[error(
        "the disk of data folder `{}` (`vector_db.path`) is full: {free} bytes are free, and opening it needs {needed} \
         (no space left): make room, or move the folder to a larger disk",
        path.display()
    )]
    DiskFull {
        /// The folder.
        path: PathBuf,
        /// Number of free bytes.
        free: u64,
        /// Number of bytes that opening it needs.
        needed: u64,
    },

    /// The engine cannot start. It may have begun to repair the folder.
    #[error("the engine cannot {operation} data folder `{}`", path.display())]
    Engine {
        /// What it tried.
        operation: &'static str,
        /// The folder.
        path: PathBuf,
        /// What it said.
        #[source]
        source: BoxError,
    },

    /// The Qdrant server cannot be reached, or failed.
    #[error("cannot {operation} at the Qdrant server `{url}`")]
    Server {
        /// What was tried.
        operation: &'static str,
        /// URL of the server.
        url: String,
        /// `true` if the server is down or out of reach, so that a later attempt may succeed.
        is_outage: bool,
        /// Cause.
        #[source]
        source: BoxError,
    },

    /// The Qdrant server lacks what is needed.
    #[error("the Qdrant server `{url}` has version {found}, and {oldest} or later is needed")]
    ServerTooOld {
        /// Where the server is.
        url: String,
        /// Its version.
        found: String,
        /// The oldest that will do.
        oldest: String,
    },

    /// The collection was made by something else, or for something else.
    #[error(
        "the collection `{collection}` at the Qdrant server `{url}` cannot be used: {problem}. It was left as it is: \
         set another `vector_db.collection_prefix`, or remove or rename the collection if nobody needs it"
    )]
    ForeignCollection {
        /// Where the server is.
        url: String,
        /// The collection.
        collection: String,
        /// What is different about it.
        problem: String,
    },

    /// The vectors in the collection were made by another model.
    #[error(
        "the collection `{collection}` at the Qdrant server `{url}` holds vectors of the model {stored}, and the \
         configured model is {current}: configure the old model again, or set another `vector_db.collection_prefix` to \
         begin anew"
    )]
    CollectionModelChanged {
        /// Where the server is.
        url: String,
        /// The collection.
        collection: String,
        /// The model whose vectors are stored.
        stored: Box<ModelFingerprint>,
        /// The model that is configured.
        current: Box<ModelFingerprint>,
    },

    /// The configuration makes no sense.
    #[error("the configuration of the {store} store is wrong: {}", problems.join("; "))]
    Config {
        /// Of which store.
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
