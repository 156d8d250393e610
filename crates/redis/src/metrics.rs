//! Metrics of this crate.

/// Counter of reads of working memory; label `outcome`: `hit`, `near` (unchanged since this server read it), `miss`, `busy`
/// (being written), `untrusted` (another server writes without Redis), `unreadable`, `unavailable`.
pub const SESSION_READS: &str = "context_manager_redis_session_reads_total";
/// Counter of writes that Redis was not told of, as it could not be reached.
pub const UNANNOUNCED: &str = "context_manager_redis_unannounced_writes_total";

/// Describes the metrics to the installed recorder.
pub fn describe() {
    metrics::describe_counter!(
        SESSION_READS,
        "Reads of working memory that servers share, by `outcome`: hit, near, miss, busy, untrusted, unreadable, unavailable"
    );
    metrics::describe_counter!(
        UNANNOUNCED,
        "Writes of which the shared working memory was not told, as Redis could not be reached"
    );
}
