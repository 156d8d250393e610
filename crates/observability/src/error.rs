//! Errors of setting up telemetry.

/// Error of setting up telemetry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log filter cannot be parsed.
    #[error("log filter `{filter}` is not valid")]
    Filter {
        /// The filter as given.
        filter: String,
        /// Cause.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The audit log cannot be written.
    #[error("cannot write the audit log `{}`", path.display())]
    AuditFile {
        /// Path of the file.
        path: std::path::PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// Logging has ended.
    #[error("logging has ended")]
    LogsGone(#[source] tracing_subscriber::reload::Error),
    /// Another logger is installed.
    #[error("logging is set up already")]
    LogsInstalled(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The trace exporter cannot be set up.
    #[error("traces cannot be sent")]
    Traces(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another metrics recorder is installed.
    #[error("metrics are set up already")]
    MetricsInstalled(#[source] Box<dyn std::error::Error + Send + Sync>),
}
