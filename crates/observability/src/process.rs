//! What the operating system and tokio tell of this process.

use std::time::Duration;

use metrics::{Unit, describe_gauge};
use metrics_process::Collector;
use tokio_metrics::RuntimeMetricsReporterBuilder;

/// Gauge of the memory that the process allocated, without the files it maps.
const ANONYMOUS_MEMORY: &str = "context_manager_anonymous_memory_bytes";
/// How often both are asked. Reading `/proc` takes some 100 µs.
const INTERVAL: Duration = Duration::from_secs(5);

/// Registers the descriptions with the recorder that is installed.
pub fn describe_process_metrics() {
    describe_gauge!(
        ANONYMOUS_MEMORY,
        Unit::Bytes,
        "Memory that the process allocated, without the files it maps; on Linux alone"
    );
    Collector::default().describe();
    let _described = RuntimeMetricsReporterBuilder::default().describe();
}

/// Records what the process and its runtime use.
#[derive(Debug, Default)]
pub struct ProcessMetrics(Collector);

impl ProcessMetrics {
    /// Records again and again, and never returns. To be called within the runtime that is to be watched.
    pub async fn keep_recording(self) {
        let runtime = RuntimeMetricsReporterBuilder::default().with_interval(INTERVAL).build();
        let process = async {
            loop {
                self.record();
                tokio::time::sleep(INTERVAL).await;
            }
        };
        tokio::join!(runtime.run(), process);
    }

    fn record(&self) {
        self.0.collect();
        if let Some(bytes) = anonymous_memory() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!(ANONYMOUS_MEMORY).set(bytes as f64);
        }
    }
}

/// From the line `RssAnon:   1234 kB` of `/proc/self/status`; see `man 5 proc_pid_status`.
fn anonymous_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_has_memory_of_its_own() {
        assert!(anonymous_memory().unwrap() > 0);
    }
}
