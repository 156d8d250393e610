//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_histogram};

/// Histogram of the duration of an embedding call; labels `provider`, `outcome`.
pub const DURATION: &str = "context_manager_embedding_duration_seconds";
/// Counter of texts sent to an embedding service, failed calls included; label `provider`. Divided by the count of
/// [`DURATION`], the texts per call.
pub const TEXTS: &str = "context_manager_embedding_texts_total";
/// Counter of retried calls to an embedding service; label `provider`.
pub const RETRIES: &str = "context_manager_embedding_retries_total";
/// Counter of texts that shared the vector of an identical text in flight.
pub const SHARED: &str = "context_manager_embedding_shared_total";
/// Counter of texts refused because the queue was full.
pub const TURNED_AWAY: &str = "context_manager_embedding_turned_away_total";
/// Counter of restarts of background loops; label `loop`. Shared with, and described by, the crate that supervises the
/// other loops.
pub(crate) const LOOP_RESTARTS: &str = "context_manager_loop_restarts_total";
/// Counter of cache hits; label `cache`.
pub const CACHE_HITS: &str = "context_manager_cache_hits_total";
/// Counter of cache misses; label `cache`.
pub const CACHE_MISSES: &str = "context_manager_cache_misses_total";

/// Histogram of the duration of a request for a summary; label `outcome`.
pub const SUMMARIZE_DURATION: &str = "context_manager_summarize_duration_seconds";

/// Histogram of the duration of a request for scores; labels `provider`, `outcome`.
pub const RERANK_DURATION: &str = "context_manager_rerank_duration_seconds";

/// Registers the descriptions with the installed recorder.
pub fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Duration of one call to the embedder, for one or many texts, by `provider` (built_in, folder, static, api) and `outcome` (ok, failed, timeout, no_connection, circuit_open, refused, rate_limited, server_error, client_error, garbled)"
    );
    describe_counter!(
        TEXTS,
        Unit::Count,
        "Texts sent to the embedding service, by `provider`; failed calls included"
    );
    describe_counter!(
        RETRIES,
        Unit::Count,
        "Retried calls to the embedding service, by `provider`"
    );
    describe_counter!(
        SHARED,
        Unit::Count,
        "Texts that shared the vector of an identical one in flight"
    );
    describe_histogram!(
        SUMMARIZE_DURATION,
        Unit::Seconds,
        "Duration of one request to the chat model for a summary"
    );
    describe_histogram!(
        RERANK_DURATION,
        Unit::Seconds,
        "Duration of one reranking, a retry included, by `provider` (api, folder) and `outcome`, as of an embedding, or failed"
    );
    describe_counter!(
        TURNED_AWAY,
        Unit::Count,
        "Texts refused because too many were waiting to be embedded"
    );
    describe_counter!(
        CACHE_HITS,
        Unit::Count,
        "Cache hits, by `cache` (query_embedding, document_embedding)"
    );
    describe_counter!(CACHE_MISSES, Unit::Count, "Cache misses, by `cache`");
}
