//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_histogram};

/// Histogram of the time an embedding call takes; labels `provider`, `outcome`.
pub const DURATION: &str = "context_manager_embedding_duration_seconds";
/// Counter of the texts sent to an embedding service, those of failed calls too; label `provider`. With the count of
/// [`DURATION`] it tells how many texts share a call.
pub const TEXTS: &str = "context_manager_embedding_texts_total";
/// Counter of calls to an embedding service that were tried again; label `provider`.
pub const RETRIES: &str = "context_manager_embedding_retries_total";
/// Counter of texts that got the vector of an identical one which was being embedded already.
pub const SHARED: &str = "context_manager_embedding_shared_total";
/// Counter of texts that were turned away because too many were waiting.
pub const TURNED_AWAY: &str = "context_manager_embedding_turned_away_total";
/// Counter of background loops that ended before their time and were started again; label `loop`. It is the one of the
/// program that supervises the others, and described there.
pub(crate) const LOOP_RESTARTS: &str = "context_manager_loop_restarts_total";
/// Counter of answers from a cache; label `cache`.
pub const CACHE_HITS: &str = "context_manager_cache_hits_total";
/// Counter of answers that no cache had; label `cache`.
pub const CACHE_MISSES: &str = "context_manager_cache_misses_total";

/// Histogram of the time a request for a summary takes; label `outcome`.
pub const SUMMARIZE_DURATION: &str = "context_manager_summarize_duration_seconds";

/// Registers the descriptions with the recorder that is installed.
pub fn describe() {
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time of one call to the embedder, for one or many texts, by `provider` (built_in, api) and `outcome` (ok, timeout, no_connection, circuit_open, refused, rate_limited, server_error, client_error, garbled)"
    );
    describe_counter!(
        TEXTS,
        Unit::Count,
        "Texts sent to the embedding service, by `provider`; those of failed calls too"
    );
    describe_counter!(
        RETRIES,
        Unit::Count,
        "Calls to the embedding service that were tried again, by `provider`"
    );
    describe_counter!(
        SHARED,
        Unit::Count,
        "Texts that shared the vector of an identical one in flight"
    );
    describe_histogram!(
        SUMMARIZE_DURATION,
        Unit::Seconds,
        "Time of one request to the chat model for a summary"
    );
    describe_counter!(
        TURNED_AWAY,
        Unit::Count,
        "Texts turned away because too many were waiting to be embedded"
    );
    describe_counter!(
        CACHE_HITS,
        Unit::Count,
        "Look-ups that a cache answered, by `cache` (query_embedding, document_embedding, records)"
    );
    describe_counter!(
        CACHE_MISSES,
        Unit::Count,
        "Look-ups that a cache could not answer, by `cache`"
    );
}
