//! Setup of logs and traces, together because both are built from the same spans.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::logs::{self, LogConfig, LogControl};
use crate::traces::{TelemetryConfig, Traces};
use crate::{AuditConfig, Error};

/// Installed logs and traces.
#[derive(Debug)]
pub struct Telemetry {
    /// Control of the log filter.
    pub logs: LogControl,
    traces: Option<Traces>,
}

/// Installs logs on standard error, the audit log and traces, once per process and before a tokio runtime exists.
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

/// Installs logs on standard error and the audit log, once per process.
///
/// # Errors
/// [`Error::Filter`], [`Error::AuditFile`], [`Error::LogsInstalled`].
pub fn init_logs(config: &LogConfig, audit: &AuditConfig) -> Result<LogControl, Error> {
    Ok(init_telemetry(config, audit, &TelemetryConfig::default())?.logs)
}

impl Telemetry {
    /// Exports the queued traces. The last call of a process, outside of a tokio runtime.
    pub fn shutdown(self) {
        if let Some(traces) = self.traces {
            traces.shutdown();
        }
    }
}
