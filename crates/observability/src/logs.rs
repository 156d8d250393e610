//! Structured logs on standard error, so that standard output stays free for what a command prints.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::{AuditConfig, Error};

/// How logs are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// `pretty` for people, `json` for machines: one object a line.
    pub format: Format,
    /// What is logged, as directives of `tracing`: a level, or `target=level` joined by commas. By default without the
    /// warnings of the engine about feature flags, which only its own server can set.
    pub filter: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: Format::Pretty,
            filter: "info,qdrant_edge::common=error".to_owned(),
        }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

impl LogConfig {
    /// What is wrong with the filter, if anything.
    ///
    /// # Errors
    /// [`Error::Filter`].
    pub fn filter(&self) -> Result<EnvFilter, Error> {
        EnvFilter::try_new(&self.filter).map_err(|source| Error::Filter {
            filter: self.filter.clone(),
            source,
        })
    }
}

/// Sends the process's logs to standard error, and its audit log where it belongs. Once for each process.
///
/// # Errors
/// [`Error::Filter`], [`Error::AuditFile`], [`Error::LogsInstalled`].
pub fn init_logs(config: &LogConfig, audit: &AuditConfig) -> Result<(), Error> {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = match config.format {
        Format::Pretty => layer.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let installed = tracing_subscriber::registry()
        .with(layer.with_filter(audit.narrow(config.filter()?)))
        .with(audit.layer()?)
        .try_init();
    installed.map_err(|error| Error::LogsInstalled(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let config = LogConfig {
            filter: "core=loud".to_owned(),
            ..LogConfig::default()
        };
        assert!(config.filter().unwrap_err().to_string().contains("core=loud"));
        assert!(LogConfig::default().filter().is_ok());
    }
}
