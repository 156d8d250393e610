//! Why telemetry could not be set up.

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter cannot be read.
    #[error("log filter `{filter}` is not valid")]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The audit log cannot be written.
    #[error("cannot write the audit log `{}`", path.display())]
    AuditFile {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing is logged any more.
    #[error("logging has ended")]
    LogsGone(#[source] tracing_subscriber::reload::Error),
    /// Logs go somewhere already.
    #[error("logging is set up already")]
    LogsInstalled(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Traces cannot be sent.
    #[error("traces cannot be sent")]
    Traces(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Metrics go somewhere already.
    #[error("metrics are set up already")]
    MetricsInstalled(#[source] Box<dyn std::error::Error + Send + Sync>),
}
