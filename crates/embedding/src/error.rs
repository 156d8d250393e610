//! Errors of making an embedder.

use std::io;
use std::path::PathBuf;

use context_manager_core::ports::EmbedError;

/// Error of making an embedder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A compiled-in model does not load: the build is broken.
    #[error("cannot load a built-in embedding model")]
    BuiltIn(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file of a model's folder is missing or cannot be used.
    #[error("cannot use the model in {}: {file} {problem}", folder.display())]
    Model {
        /// The folder.
        folder: PathBuf,
        /// Name of the file in it; empty for the folder itself.
        file: String,
        /// Complaint about the file.
        problem: String,
    },
    /// The threads of a model cannot be started.
    #[error("cannot start the threads of the embedding model")]
    Threads(#[source] io::Error),
    /// Invalid settings of the embedding service, each as `key: expectation`.
    #[error("the settings of the embedding service are wrong: {}", .0.join("; "))]
    Config(Vec<String>),
    /// A file named by a setting cannot be read, or has other content.
    #[error("cannot read `{key}` from {}", path.display())]
    File {
        /// Name of the setting.
        key: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be set up, for example without trusted certificates.
    #[error("cannot set up TLS for the embedding service")]
    Tls(#[source] rustls::Error),
    /// The HTTP client refuses the settings.
    #[error("cannot set up the HTTP client for the embedding service")]
    Http(#[source] reqwest::Error),
    /// The service gives no vectors, and no stored data tell their size.
    #[error(
        "the embedding service at {endpoint} gives no vectors, and no data are stored yet that tell their size: start the \
         service, or check `api_url`, `api_token` and `model`"
    )]
    Unreachable {
        /// URL of the service, without the query.
        endpoint: String,
        /// Cause.
        #[source]
        source: EmbedError,
    },
    /// The service does not shorten its vectors to the configured size.
    #[error("the embedding service gives vectors of {actual} dimensions, but `dimensions` is {configured}")]
    Dimensions {
        /// Value of `dimensions`.
        configured: usize,
        /// Size of the service's vectors.
        actual: usize,
    },
}
