//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_histogram};
use tokio::time::Instant;

/// Histogram of the time each step of a search takes; label `step`.
pub const SEARCH_STEP_DURATION: &str = "context_manager_search_step_duration_seconds";
/// Counter of candidates passed over because they repeat something that was returned.
pub const NEAR_DUPLICATES: &str = "context_manager_near_duplicates_total";
/// Counter of accesses that were not counted because too many waited to be written.
pub const ACCESSES_LOST: &str = "context_manager_accesses_lost_total";

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
