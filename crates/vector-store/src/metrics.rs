//! The metrics of this crate, by name. [`describe`] tells the recorder what they mean.

use context_manager_core::ports::{StoreError, StoreErrorKind};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use tokio::time::Instant;
use tracing::Instrument;

/// How long the store took, by `operation` and `outcome`.
pub const DURATION: &str = "context_manager_vector_db_duration_seconds";
/// How many writes wait for the writer.
pub const WRITES_QUEUED: &str = "context_manager_vector_db_writes_queued";
/// How many reads run.
pub const READS_RUNNING: &str = "context_manager_vector_db_reads_running";
/// How many reads wait for their turn.
pub const READS_QUEUED: &str = "context_manager_vector_db_reads_queued";
/// Counter of what a cache had; label `cache`.
pub const CACHE_HITS: &str = "context_manager_cache_hits_total";
/// Counter of what a cache did not have; label `cache`.
pub const CACHE_MISSES: &str = "context_manager_cache_misses_total";
/// How often background work failed, by `operation`.
pub const BACKGROUND_ERRORS: &str = "context_manager_vector_db_background_errors_total";

/// Counter of stored contexts that were found damaged.
pub const UNREADABLE: &str = "context_manager_vector_db_unreadable_total";

/// Tells the installed recorder what each metric means.
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

/// Runs a call, and records how long it took and how it ended.
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

/// Records a piece of background work: its duration, and whether it failed.
pub(crate) fn observe_background<T, E>(operation: &'static str, started: Instant, result: &Result<T, E>) {
    let outcome = if result.is_ok() { "ok" } else { "error" };
    metrics::histogram!(DURATION, "operation" => operation, "outcome" => outcome)
        .record(started.elapsed().as_secs_f64());
    if result.is_err() {
        metrics::counter!(BACKGROUND_ERRORS, "operation" => operation).increment(1);
    }
}
