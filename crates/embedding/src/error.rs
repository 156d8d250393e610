//! Why an embedder could not be made.

use std::io;
use std::path::PathBuf;

use context_manager_core::ports::EmbedError;

/// Why an embedder could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model that is compiled in does not load: the build is broken.
    #[error("cannot load the built-in embedding model")]
    BuiltIn(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Settings of the embedding service are wrong, each as `key: what is expected`.
    #[error("the settings of the embedding service are wrong: {}", .0.join("; "))]
    Config(Vec<String>),
    /// A file that a setting names cannot be read, or holds something else.
    #[error("cannot read `{key}` from {}", path.display())]
    File {
        /// The setting.
        key: &'static str,
        /// The file it names.
        path: PathBuf,
        /// What is wrong with the file.
        #[source]
        source: io::Error,
    },
    /// There is no TLS without certificates to trust.
    #[error("cannot set up TLS for the embedding service")]
    Tls(#[source] rustls::Error),
    /// The HTTP client refuses its settings.
    #[error("cannot set up the HTTP client for the embedding service")]
    Http(#[source] reqwest::Error),
    /// The service gives no vectors, and no stored data tell what its vectors look like.
    #[error(
        "the embedding service at {endpoint} gives no vectors, and no data are stored yet that tell their size: start the \
         service, or check `api_url`, `api_token` and `model`"
    )]
    Unreachable {
        /// Where it was asked, without the query.
        endpoint: String,
        /// How it failed.
        #[source]
        source: EmbedError,
    },
    /// The service does not shorten its vectors to the size that is configured.
    #[error("the embedding service gives vectors of {actual} dimensions, but `dimensions` is {configured}")]
    Dimensions {
        /// What `dimensions` says.
        configured: usize,
        /// What the service gives.
        actual: usize,
    },
}
