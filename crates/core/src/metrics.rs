//! Metrics of this crate.

use metrics::Unit;
use tokio::time::Instant;

use crate::Degraded;

macro_rules! metrics_table {
    ($($describe:ident($name:ident = $metric:literal $(, $unit:expr)?; $description:literal);)*) => {
        $(pub(crate) const $name: &str = $metric;)*

        /// Registers the descriptions with the installed recorder.
        pub fn describe() {
            $(metrics::$describe!($name, $($unit,)? $description);)*
        }
    };
}

metrics_table! {
    describe_histogram(SEARCH_STEP_DURATION = "context_manager_search_step_duration_seconds", Unit::Seconds;
        "Time of one step of a search, by `step`: question, candidates, neighbours, rank, rerank, choose, assemble");
    describe_counter(SEARCHES_DEGRADED = "context_manager_searches_degraded_total", Unit::Count;
        "Searches answered without a `part` that was down or late: embedding, vector_store, l1, rerank; deadline counts those whose time ran out");
    describe_counter(NEAR_DUPLICATES = "context_manager_near_duplicates_total", Unit::Count;
        "Candidates dropped because a better one with the same text was returned");
    describe_counter(ACCESSES_LOST = "context_manager_accesses_lost_total", Unit::Count;
        "Accesses that were not counted because too many were waiting to be written");
    describe_histogram(RECALL_AT_K = "context_manager_recall_at_k";
        "Share of the ten nearest contexts that a live search found, by `store`; sampled by exact searches in the background");
    describe_counter(RECALL_SAMPLES = "context_manager_recall_samples_total", Unit::Count;
        "Live searches sampled for recall, by `outcome`: compared, failed, or skipped while another one ran");
    describe_gauge(EMBEDDING_PENDING = "context_manager_embedding_pending", Unit::Count;
        "Contexts without a vector");
    describe_gauge(EMBEDDING_PENDING_OLDEST_AGE = "context_manager_embedding_pending_oldest_age_seconds", Unit::Seconds;
        "Age of the oldest context without a vector");
    describe_gauge(REINDEX_PENDING = "context_manager_reindex_pending", Unit::Count;
        "Contexts still to be indexed again after a change of the analysis of texts");
    describe_counter(EMBEDDED_LATER = "context_manager_embedded_later_total", Unit::Count;
        "Contexts that got their vector after they were stored");
    describe_gauge(CONTEXTS = "context_manager_contexts", Unit::Count;
        "Stored contexts, by `level`; counted every ten seconds, or less often if counting takes long");
    describe_gauge(STORE_BYTES = "context_manager_store_bytes", Unit::Bytes;
        "Size of the store; 0 if unknown");
    describe_gauge(L1_CONTEXTS = "context_manager_l1_contexts", Unit::Count;
        "Contexts in working memory, over all sessions");
    describe_counter(GC_RUNS = "context_manager_gc_runs_total", Unit::Count;
        "Garbage collections, by `outcome`: ok, or incomplete if a batch failed");
    describe_histogram(GC_DURATION = "context_manager_gc_duration_seconds", Unit::Seconds;
        "Time of one garbage collection");
    describe_counter(GC_DELETED = "context_manager_gc_deleted_total", Unit::Count;
        "Contexts deleted by garbage collection, by `level` and `reason`");
    describe_counter(GC_PROMOTED = "context_manager_gc_promoted_total", Unit::Count;
        "Contexts promoted to long-term, by their former `level`");
    describe_counter(GC_CONSOLIDATED = "context_manager_gc_consolidated_total", Unit::Count;
        "Contexts that were summarised, by `level`");
    describe_counter(GC_MADE = "context_manager_gc_made_total", Unit::Count;
        "Summaries stored");
    describe_counter(GC_SETTLED = "context_manager_gc_settled_total", Unit::Count;
        "Contexts demoted from the working memory of idle sessions, by their former `level`");
    describe_counter(GC_ERRORS = "context_manager_gc_errors_total", Unit::Count;
        "Failed batches of garbage collection");
    describe_gauge(GC_BACKLOG = "context_manager_gc_backlog", Unit::Count;
        "Expired contexts that are not deleted yet, by `level`");
}

/// Counts a search that was answered without some parts.
pub(crate) fn count_degraded(degraded: &[Degraded]) {
    for part in degraded {
        let part = match part {
            Degraded::Embedding => "embedding",
            Degraded::VectorStore => "vector_store",
            Degraded::L1 => "l1",
            Degraded::Rerank => "rerank",
            Degraded::Deadline => "deadline",
        };
        metrics::counter!(SEARCHES_DEGRADED, "part" => part).increment(1);
    }
}

/// Step of a search.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// Embedding and analysis of the question.
    Question,
    /// Search of the store and of working memory.
    Candidates,
    /// Comparison of the candidates, and look-up of their neighbours.
    Neighbours,
    /// Scoring and sorting.
    Rank,
    /// Scoring of the best by another model.
    Rerank,
    /// Selection within the token budget.
    Choose,
    /// Assembly of a text within the token budget.
    Assemble,
}

impl Step {
    /// Records the step's duration since `start`.
    pub(crate) fn took(self, start: Instant) {
        let step = match self {
            Self::Question => "question",
            Self::Candidates => "candidates",
            Self::Neighbours => "neighbours",
            Self::Rank => "rank",
            Self::Rerank => "rerank",
            Self::Choose => "choose",
            Self::Assemble => "assemble",
        };
        metrics::histogram!(SEARCH_STEP_DURATION, "step" => step).record(start.elapsed());
    }
}
