//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use tokio::time::Instant;

/// Histogram of the time each step of a search takes; label `step`.
pub const SEARCH_STEP_DURATION: &str = "context_manager_search_step_duration_seconds";
/// Counter of candidates passed over because they repeat something that was returned.
pub const NEAR_DUPLICATES: &str = "context_manager_near_duplicates_total";
/// Counter of accesses that were not counted because too many waited to be written.
pub const ACCESSES_LOST: &str = "context_manager_accesses_lost_total";

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
/// Counter of contexts that were made into one with others; label `level`.
pub const GC_CONSOLIDATED: &str = "context_manager_gc_consolidated_total";
/// Counter of contexts that were made of others.
pub const GC_MADE: &str = "context_manager_gc_made_total";
/// Counter of contexts that left the working memory of idle sessions; label `level`, the one before.
pub const GC_SETTLED: &str = "context_manager_gc_settled_total";
/// Counter of batches of collections that failed.
pub const GC_ERRORS: &str = "context_manager_gc_errors_total";
/// Gauge of contexts that are expired and not collected yet, over all tenants; label `level`.
pub const GC_BACKLOG: &str = "context_manager_gc_backlog";
/// Counter of collected contexts that were missed; label `by`: `search` or `store`.
pub const GC_REGRET: &str = "context_manager_gc_regret_total";
/// Counter of contexts that repeat what their session was just served.
pub const ECHOES: &str = "context_manager_echoes_total";

/// Registers the descriptions with the recorder that is installed.
pub fn describe() {
    describe_histogram!(SEARCH_STEP_DURATION, Unit::Seconds, "Time of one step of a search");
    describe_counter!(
        NEAR_DUPLICATES,
        "Candidates passed over because they repeat something that was returned"
    );
    describe_counter!(
        ACCESSES_LOST,
        "Accesses that were not counted because too many waited to be written"
    );
    describe_gauge!(EMBEDDING_PENDING, "Contexts that wait for their vector");
    describe_gauge!(
        EMBEDDING_PENDING_OLDEST_AGE,
        Unit::Seconds,
        "How long the first of the contexts that wait for their vector has waited"
    );
    describe_counter!(
        EMBEDDED_LATER,
        "Contexts that got their vector later than they were stored"
    );
    describe_collections();
}

fn describe_collections() {
    describe_counter!(GC_RUNS, "Collections");
    describe_histogram!(GC_DURATION, Unit::Seconds, "Time of one collection");
    describe_counter!(GC_DELETED, "Contexts that collections deleted");
    describe_counter!(GC_PROMOTED, "Contexts that collections made long-term");
    describe_counter!(GC_CONSOLIDATED, "Contexts that were made into one with others");
    describe_counter!(GC_MADE, "Contexts that were made of others");
    describe_counter!(GC_SETTLED, "Contexts that left the working memory of idle sessions");
    describe_counter!(GC_ERRORS, "Batches of collections that failed");
    describe_gauge!(GC_BACKLOG, "Contexts that are expired and not collected yet");
    describe_counter!(GC_REGRET, "Collected contexts that were missed");
    describe_counter!(ECHOES, "Contexts that repeat what their session was just served");
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
