//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_histogram};

/// Histogram of the time an embedding call takes; labels `provider`, `outcome`.
pub const DURATION: &str = "context_manager_embedding_duration_seconds";
/// Counter of answers from a cache; label `cache`.
pub const CACHE_HITS: &str = "context_manager_cache_hits_total";
/// Counter of answers that no cache had; label `cache`.
pub const CACHE_MISSES: &str = "context_manager_cache_misses_total";

/// Registers the descriptions with the recorder that is installed.
pub fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time of one call to the embedder, for one or many texts"
    );
    describe_counter!(CACHE_HITS, "Answers that a cache had");
    describe_counter!(CACHE_MISSES, "Answers that a cache did not have");
}
