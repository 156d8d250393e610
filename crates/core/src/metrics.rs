//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use tokio::time::Instant;

use crate::Degraded;

/// Histogram of the time each step of a search takes; label `step`.
pub const SEARCH_STEP_DURATION: &str = "context_manager_search_step_duration_seconds";
/// Counter of searches that were answered without a part that was down; label `part`.
pub const SEARCHES_DEGRADED: &str = "context_manager_searches_degraded_total";
/// Counter of candidates passed over because a better one with the same text was returned.
pub const NEAR_DUPLICATES: &str = "context_manager_near_duplicates_total";
/// Counter of accesses that were not counted because too many waited to be written.
pub const ACCESSES_LOST: &str = "context_manager_accesses_lost_total";
/// Histogram of the share of the nearest contexts that live searches found; label `store`.
pub const RECALL_AT_K: &str = "context_manager_recall_at_k";
/// Counter of live searches that were chosen to be repeated exactly; label `outcome`.
pub const RECALL_SAMPLES: &str = "context_manager_recall_samples_total";

/// Gauge of contexts that wait for their vector, over all tenants.
pub const EMBEDDING_PENDING: &str = "context_manager_embedding_pending";
/// Gauge of the seconds that the first of them has waited.
pub const EMBEDDING_PENDING_OLDEST_AGE: &str = "context_manager_embedding_pending_oldest_age_seconds";
/// Counter of contexts that got their vector later than they were stored.
pub const EMBEDDED_LATER: &str = "context_manager_embedded_later_total";

/// Counter of collections; label `outcome`: `ok`, or `incomplete` when a batch failed.
pub const GC_RUNS: &str = "context_manager_gc_runs_total";
/// Histogram of the time a collection takes.
pub const GC_DURATION: &str = "context_manager_gc_duration_seconds";
/// Counter of contexts that collections deleted; labels `level` and `reason`.
pub const GC_DELETED: &str = "context_manager_gc_deleted_total";
/// Counter of contexts that collections made long-term; label `level`, the one before.
pub const GC_PROMOTED: &str = "context_manager_gc_promoted_total";
/// Counter of contexts that a summary was made of; label `level`.
pub const GC_CONSOLIDATED: &str = "context_manager_gc_consolidated_total";
/// Counter of summaries that were made.
pub const GC_MADE: &str = "context_manager_gc_made_total";
/// Counter of contexts that left the working memory of idle sessions; label `level`, the one before.
pub const GC_SETTLED: &str = "context_manager_gc_settled_total";
/// Counter of batches of collections that failed.
pub const GC_ERRORS: &str = "context_manager_gc_errors_total";
/// Gauge of contexts that are expired and not collected yet, over all tenants; label `level`.
pub const GC_BACKLOG: &str = "context_manager_gc_backlog";
/// Gauge of the contexts that are stored, over all tenants; label `level`.
pub const CONTEXTS: &str = "context_manager_contexts";
/// Gauge of the bytes that the store takes.
pub const STORE_BYTES: &str = "context_manager_store_bytes";
/// Gauge of the contexts that working memory holds, over all sessions.
pub const L1_CONTEXTS: &str = "context_manager_l1_contexts";

/// Registers the descriptions with the recorder that is installed.
pub fn describe() {
    describe_histogram!(
        SEARCH_STEP_DURATION,
        Unit::Seconds,
        "Time of one step of a search, by `step`: question, candidates, neighbours, rank, choose, assemble"
    );
    describe_counter!(
        SEARCHES_DEGRADED,
        Unit::Count,
        "Searches answered without a `part` that was down: embedding, vector_store, l1"
    );
    describe_counter!(
        NEAR_DUPLICATES,
        Unit::Count,
        "Candidates passed over because a better one with the same text was returned"
    );
    describe_counter!(
        ACCESSES_LOST,
        Unit::Count,
        "Accesses that were not counted because too many waited to be written"
    );
    describe_histogram!(
        RECALL_AT_K,
        "Share of the ten nearest contexts that a live search found, by `store`; from searches repeated exactly in the background"
    );
    describe_counter!(
        RECALL_SAMPLES,
        Unit::Count,
        "Live searches chosen to be repeated exactly, by `outcome`: compared, failed, and skipped while another one ran"
    );
    describe_gauge!(EMBEDDING_PENDING, Unit::Count, "Contexts that wait for their vector");
    describe_gauge!(
        EMBEDDING_PENDING_OLDEST_AGE,
        Unit::Seconds,
        "How long the first of the contexts that wait for their vector has waited"
    );
    describe_counter!(
        EMBEDDED_LATER,
        Unit::Count,
        "Contexts that got their vector later than they were stored"
    );
    describe_gauge!(
        CONTEXTS,
        Unit::Count,
        "Contexts that are stored, by `level`; counted every ten seconds, or less often where that takes long"
    );
    describe_gauge!(STORE_BYTES, Unit::Bytes, "Size of the store; 0 where it cannot be told");
    describe_gauge!(
        L1_CONTEXTS,
        Unit::Count,
        "Contexts that working memory holds, over all sessions"
    );
    describe_collections();
}

fn describe_collections() {
    describe_counter!(
        GC_RUNS,
        Unit::Count,
        "Collections, by `outcome`: ok, or incomplete when a batch failed"
    );
    describe_histogram!(GC_DURATION, Unit::Seconds, "Time of one collection");
    describe_counter!(
        GC_DELETED,
        Unit::Count,
        "Contexts that collections deleted, by `level` and `reason`"
    );
    describe_counter!(
        GC_PROMOTED,
        Unit::Count,
        "Contexts that collections made long-term, by the `level` before"
    );
    describe_counter!(
        GC_CONSOLIDATED,
        Unit::Count,
        "Contexts that a summary was made of, by `level`"
    );
    describe_counter!(GC_MADE, Unit::Count, "Summaries that were made");
    describe_counter!(
        GC_SETTLED,
        Unit::Count,
        "Contexts that left the working memory of idle sessions, by the `level` before"
    );
    describe_counter!(GC_ERRORS, Unit::Count, "Batches of collections that failed");
    describe_gauge!(
        GC_BACKLOG,
        Unit::Count,
        "Contexts that are expired and not collected yet, by `level`"
    );
}

/// Counts a search that was answered without these parts.
pub(crate) fn count_degraded(degraded: &[Degraded]) {
    for part in degraded {
        let part = match part {
            Degraded::Embedding => "embedding",
            Degraded::VectorStore => "vector_store",
            Degraded::L1 => "l1",
        };
        metrics::counter!(SEARCHES_DEGRADED, "part" => part).increment(1);
    }
}

/// A step of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// The question becomes a vector and words.
    Question,
    /// The store and working memory are searched.
    Candidates,
    /// Scores are put on one scale, and neighbours are looked up.
    Neighbours,
    /// Everything is scored and put in order.
    Rank,
    /// The budget is spent.
    Choose,
    /// The budget is spent on a text.
    Assemble,
}

impl Step {
    /// Records that it began at `start` and ends now.
    pub(crate) fn took(self, start: Instant) {
        let step = match self {
            Self::Question => "question",
            Self::Candidates => "candidates",
            Self::Neighbours => "neighbours",
            Self::Rank => "rank",
            Self::Choose => "choose",
            Self::Assemble => "assemble",
        };
        metrics::histogram!(SEARCH_STEP_DURATION, "step" => step).record(start.elapsed());
    }
}
