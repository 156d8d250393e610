//! Logs and traces of the process, set up together as both are made of the same spans.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::logs::{self, LogConfig, LogControl};
use crate::traces::{TelemetryConfig, Traces};
use crate::{AuditConfig, Error};

/// What became of logs and traces.
#[derive(Debug)]
pub struct Telemetry {
    /// Changes what is logged.
    pub logs: LogControl,
    traces: Option<Traces>,
}

/// Sends the process's logs to standard error, its audit log and its traces where `audit` and `telemetry` say. Once for
/// each process, and before a tokio runtime is there.
///
/// # Errors
/// [`Error::Filter`], [`Error::AuditFile`], [`Error::Traces`], [`Error::LogsInstalled`].
pub fn init_telemetry(log: &LogConfig, audit: &AuditConfig, telemetry: &TelemetryConfig) -> Result<Telemetry, Error> {
    let (lines, logs) = logs::lines(log, audit, std::io::stderr)?;
    let traces = Traces::start(telemetry)?;
    tracing_subscriber::registry()
        .with(lines)
        .with(audit.layer()?)
        .with(traces.as_ref().map(Traces::layer))
        .try_init()
        .map_err(|error| Error::LogsInstalled(error.into()))?;
    Ok(Telemetry { logs, traces })
}

/// Sends the process's logs to standard error, its audit log where `audit` says, and no traces. Once for each process.
///
/// # Errors
/// [`Error::Filter`], [`Error::AuditFile`], [`Error::LogsInstalled`].
pub fn init_logs(config: &LogConfig, audit: &AuditConfig) -> Result<LogControl, Error> {
    Ok(init_telemetry(config, audit, &TelemetryConfig::default())?.logs)
}

impl Telemetry {
    /// Sends the traces that wait. The last thing to do in a process, outside of a tokio runtime.
    pub fn shutdown(self) {
        if let Some(traces) = self.traces {
            traces.shutdown();
        }
    }
}
