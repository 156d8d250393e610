//! Metrics of this process from the operating system and tokio.

use std::time::Duration;

use metrics::{Unit, describe_gauge};
use metrics_process::Collector;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

/// Gauge of the allocated memory of the process, without mapped files.
const ANONYMOUS_MEMORY: &str = "context_manager_anonymous_memory_bytes";
/// Gauge of the runtime's worker threads.
const WORKERS: &str = "context_manager_runtime_workers";
/// Gauge of unfinished tasks.
const TASKS: &str = "context_manager_runtime_tasks";
/// Gauge of tasks waiting for a worker.
const QUEUED: &str = "context_manager_runtime_queued_tasks";
/// Gauge of the share of time that the workers were busy, 0 to 1.
const BUSY: &str = "context_manager_runtime_busy_ratio";
/// Interval between two readings; reading `/proc` takes some 100 µs.
const INTERVAL: Duration = Duration::from_secs(5);

/// Registers the descriptions with the installed recorder.
pub fn describe_process_metrics() {
    describe_gauge!(
        ANONYMOUS_MEMORY,
        Unit::Bytes,
        "Allocated memory of the process, without mapped files; on Linux only"
    );
    describe_gauge!(WORKERS, Unit::Count, "Threads that run tasks");
    describe_gauge!(TASKS, Unit::Count, "Unfinished tasks");
    describe_gauge!(QUEUED, Unit::Count, "Tasks waiting for a thread");
    describe_gauge!(
        BUSY,
        "Share of time that the threads were busy in the last five seconds, 0 to 1"
    );
    Collector::default().describe();
}

/// Records the resource use of the process and its runtime.
#[derive(Debug, Default)]
pub struct ProcessMetrics(Collector);

impl ProcessMetrics {
    /// Records periodically, for ever, the runtime it is called in.
    pub async fn keep_recording(self) {
        let (mut busy, mut asked) = (busy(), Instant::now());
        loop {
            self.record();
            sleep(INTERVAL).await;
            let (busy_now, now) = (self::busy(), Instant::now());
            let of_all = (now - asked) * u32::try_from(workers()).unwrap_or(u32::MAX);
            metrics::gauge!(BUSY).set(busy_now.saturating_sub(busy).div_duration_f64(of_all));
            (busy, asked) = (busy_now, now);
        }
    }

    fn record(&self) {
        self.0.collect();
        if let Some(bytes) = anonymous_memory() {
            set(ANONYMOUS_MEMORY, bytes);
        }
        let runtime = Handle::current().metrics();
        set(WORKERS, workers() as u64);
        set(TASKS, runtime.num_alive_tasks() as u64);
        set(QUEUED, runtime.global_queue_depth() as u64);
    }
}

fn workers() -> usize {
    Handle::current().metrics().num_workers()
}

/// Returns the busy time of all workers since their start.
fn busy() -> Duration {
    let runtime = Handle::current().metrics();
    (0..runtime.num_workers())
        .map(|worker| runtime.worker_total_busy_duration(worker))
        .sum()
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn set(gauge: &'static str, value: u64) {
    metrics::gauge!(gauge).set(value as f64);
}

/// Reads the line `RssAnon:   1234 kB` of `/proc/self/status`; see `man 5 proc_pid_status`.
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
