//! The audit log: events of the target `audit`, in a separate stream or in the log regardless of its filter.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::Error;

/// Target of audit events.
pub const AUDIT_TARGET: &str = "audit";

/// Settings of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// File to which audit events are appended, one JSON object per line; `-` is standard output. Without it they are part
    /// of the log, regardless of its filter.
    pub path: Option<PathBuf>,
}

fn is_audit(metadata: &Metadata<'_>) -> bool {
    metadata.target() == AUDIT_TARGET
}

impl AuditConfig {
    /// Returns the layer that writes the audit log, if it is a separate stream.
    pub(crate) fn layer<S>(&self) -> Result<Option<Box<dyn Layer<S> + Send + Sync>>, Error>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(path) = &self.path else { return Ok(None) };
        let writer = if path == Path::new("-") {
            BoxMakeWriter::new(std::io::stdout)
        } else {
            BoxMakeWriter::new(Mutex::new(append(path)?))
        };
        let layer = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(writer)
            .with_filter(filter_fn(is_audit));
        Ok(Some(layer.boxed()))
    }

    /// Excludes audit events from the log's filter if they have a stream of their own, and adds them otherwise.
    pub(crate) fn narrow<S: 'static>(
        &self,
        filter: impl Filter<S> + Send + Sync + 'static,
    ) -> Box<dyn Filter<S> + Send + Sync> {
        if self.path.is_some() {
            Box::new(filter.and(filter_fn(|metadata| !is_audit(metadata))))
        } else {
            Box::new(filter.or(filter_fn(is_audit)))
        }
    }
}

fn append(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| Error::AuditFile {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::EnvFilter;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn write(config: &AuditConfig, log: &Path) {
        let file = Mutex::new(append(log).unwrap());
        let log = tracing_subscriber::fmt::layer()
            .with_writer(file)
            .with_filter(config.narrow(EnvFilter::new("warn")));
        let subscriber = tracing_subscriber::registry().with(log).with(config.layer().unwrap());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: AUDIT_TARGET, action = "delete", "audited call");
            tracing::info!("chatter");
            tracing::warn!("trouble");
        });
    }

    #[test]
    fn audit_events_go_to_their_own_file_or_to_the_log_regardless_of_the_filter() {
        let folder = tempfile::tempdir().unwrap();
        let (own, log) = (folder.path().join("audit.jsonl"), folder.path().join("log"));
        write(
            &AuditConfig {
                path: Some(own.clone()),
            },
            &log,
        );
        let line: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&own).unwrap()).unwrap();
        assert_eq!((&line["action"], &line["target"]), (&"delete".into(), &"audit".into()));
        let logged = std::fs::read_to_string(&log).unwrap();
        assert!(
            logged.contains("trouble") && !logged.contains("audited") && !logged.contains("chatter"),
            "{logged}"
        );

        write(&AuditConfig::default(), &log);
        let logged = std::fs::read_to_string(&log).unwrap();
        assert!(
            logged.contains("audited call") && !logged.contains("chatter"),
            "{logged}"
        );
    }
}
