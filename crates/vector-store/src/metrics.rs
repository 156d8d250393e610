//! Names of the metrics of this crate, and their descriptions.

use context_manager_core::ports::{StoreError, StoreErrorKind};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use tokio::time::Instant;
use tracing::Instrument;

/// Histogram of the duration of operations, by `operation` and `outcome`.
pub const DURATION: &str = "context_manager_vector_db_duration_seconds";
/// Gauge of the writes that wait for the writer.
pub const WRITES_QUEUED: &str = "context_manager_vector_db_writes_queued";
/// Gauge of the running reads.
pub const READS_RUNNING: &str = "context_manager_vector_db_reads_running";
/// Gauge of the queued reads.
pub const READS_QUEUED: &str = "context_manager_vector_db_reads_queued";
/// Counter of failures of background work, by `operation`.
pub const BACKGROUND_ERRORS: &str = "context_manager_vector_db_background_errors_total";
/// Counter of stored contexts found damaged.
pub const UNREADABLE: &str = "context_manager_vector_db_unreadable_total";

/// Describes every metric to the installed recorder.
pub fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time an operation of the vector store took, by `operation` and `outcome` (ok, unavailable, invalid, error)"
    );
    describe_gauge!(
        WRITES_QUEUED,
        Unit::Count,
        "Writes that wait for the embedded store's writer"
    );
    describe_gauge!(
        READS_RUNNING,
        Unit::Count,
        "Reads that the embedded store is working on"
    );
    describe_gauge!(
        READS_QUEUED,
        Unit::Count,
        "Reads that wait for their turn in the embedded store"
    );
    describe_counter!(
        BACKGROUND_ERRORS,
        Unit::Count,
        "Failed background work of the embedded store, by `operation` (such as flush and optimize)"
    );
    describe_counter!(
        UNREADABLE,
        Unit::Count,
        "Stored contexts that the embedded store found damaged, and passes over"
    );
}

/// Runs an operation and records its duration and outcome.
pub(crate) async fn observed<T>(
    operation: &'static str,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let span = tracing::debug_span!("vector_db", operation, outcome = tracing::field::Empty);
    let started = Instant::now();
    let result = call.instrument(span.clone()).await;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(error) => match error.kind {
            StoreErrorKind::Unavailable(_) | StoreErrorKind::DiskFull => "unavailable",
            StoreErrorKind::DimensionMismatch { .. } => "invalid",
            StoreErrorKind::Internal => "error",
        },
    };
    span.record("outcome", outcome);
    metrics::histogram!(DURATION, "operation" => operation, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
    result
}

/// Records the duration and outcome of background work.
pub(crate) fn observe_background<T, E>(operation: &'static str, started: Instant, result: &Result<T, E>) {
    let outcome = if result.is_ok() { "ok" } else { "error" };
    metrics::histogram!(DURATION, "operation" => operation, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
    if result.is_err() {
        metrics::counter!(BACKGROUND_ERRORS, "operation" => operation).increment(1);
    }
}
