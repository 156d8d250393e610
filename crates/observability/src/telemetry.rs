//! Logs and traces of the process, set up together as both are made of the same spans.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Error;
use crate::logs::{self, LogConfig, LogControl};
use crate::traces::{TelemetryConfig, Traces};

/// What became of logs and traces.
#[derive(Debug)]
pub struct Telemetry {
    /// Changes what is logged.
    pub logs: LogControl,
    traces: Option<Traces>,
}

/// Sends the process's logs to standard error, and its traces where `telemetry` says. Once for each process, and before
/// a tokio runtime is there.
///
/// # Errors
/// [`Error::Filter`], [`Error::Traces`], [`Error::LogsInstalled`].
pub fn init_telemetry(log: &LogConfig, telemetry: &TelemetryConfig) -> Result<Telemetry, Error> {
    let (lines, logs) = logs::lines(log, std::io::stderr)?;
    let traces = Traces::start(telemetry)?;
    tracing_subscriber::registry()
        .with(lines)
        .with(traces.as_ref().map(Traces::layer))
        .try_init()
        .map_err(|error| Error::LogsInstalled(error.into()))?;
    Ok(Telemetry { logs, traces })
}

/// Sends the process's logs to standard error, and no traces. Once for each process.
///
/// # Errors
/// [`Error::Filter`], [`Error::LogsInstalled`].
pub fn init_logs(config: &LogConfig) -> Result<LogControl, Error> {
    Ok(init_telemetry(config, &TelemetryConfig::default())?.logs)
}

impl Telemetry {
    /// Sends the traces that wait. The last thing to do in a process, outside of a tokio runtime.
    pub fn shutdown(self) {
        if let Some(traces) = self.traces {
            traces.shutdown();
        }
    }
}
