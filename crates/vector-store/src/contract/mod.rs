//! What every store promises, as tests.
//!
//! Each clause is a function that is given an empty store for vectors of [`DIMENSIONS`] numbers and panics when the store
//! breaks it. [`contract!`](crate::contract!) makes each a test of its own:
//!
//! ```
//! use context_manager_vector_store::{MemoryStore, contract};
//!
//! /// Anything that leads to a store by dereferencing, so that it can hold what the store needs besides.
//! async fn new_store() -> Box<MemoryStore> {
//!     Box::new(MemoryStore::new(contract::DIMENSIONS))
//! }
//!
//! contract!(new_store);
//! ```
#![expect(clippy::unwrap_used, reason = "a clause fails by panicking")]

mod deletes;
mod filters;
mod fixture;
mod lists;
mod search;
mod sessions;
mod tenants;
mod writes;

pub use deletes::{
    deletes_count_exactly, deleting_nothing_is_no_error, discarding_deletes, what_is_deleted_is_gone_everywhere,
};
pub use filters::{every_condition_narrows_as_defined, what_is_over_is_hidden_as_asked};
pub use fixture::DIMENSIONS;
pub use lists::{
    contexts_stored_at_once_share_a_page, counts_are_exact, lists_bring_vectors_only_when_asked,
    lists_can_begin_with_the_oldest, lists_stay_stable_while_newer_contexts_come,
    pages_visit_everything_once_newest_first, places_in_sessions_are_looked_up,
    places_that_were_empty_are_found_filled,
};
pub use search::{
    a_sample_of_words_is_the_same_every_time, an_exact_search_finds_the_nearest,
    contexts_without_vector_are_found_by_words_only, each_kind_of_search_is_limited_by_itself,
    empty_questions_find_nothing, hits_of_both_kinds_are_one_candidate, search_by_vector_scores_by_cosine,
    search_by_words_scores_by_weights, search_finds_only_what_the_filter_matches, vectors_and_words_come_along,
};
pub use sessions::{sessions_are_paged_by_id, sessions_are_summarised, sessions_count_what_is_visible};
pub use tenants::{tenants_may_use_the_same_id, tenants_never_meet, tenants_with_a_match_are_known};
pub use writes::{
    bad_vectors_are_refused_before_anything_is_written, contexts_are_found_by_content, empty_writes_are_no_error,
    every_field_comes_back, flushing_and_measuring_work, get_keeps_the_order_and_passes_over_unknown_ids,
    of_a_repeated_id_the_last_stays, replacing_inserts_what_is_new_and_never_what_is_gone,
    replacing_refuses_bad_vectors_before_anything_is_written, updates_keep_vectors_and_words,
    updates_pass_over_unknown_ids, upserts_replace_and_can_be_repeated, vectors_can_come_later,
    what_is_deleted_stays_gone_whatever_is_written_meanwhile,
};

/// Makes every clause of the contract a test for the store that the asynchronous function `$new` returns.
///
/// With `contract!(ignored "why" $new)` the tests are ignored unless asked for: for stores that are not always there to
/// be tested.
#[macro_export]
macro_rules! contract {
    (@each (always) $new:path: $($clause:ident),+ $(,)?) => { $(
        #[tokio::test]
        async fn $clause() {
            let store = $new().await;
            $crate::contract::$clause(&*store).await;
        }
    )+ };
    (@each (ignored $why:literal) $new:path: $($clause:ident),+ $(,)?) => { $(
        #[tokio::test]
        #[ignore = $why]
        async fn $clause() {
            let store = $new().await;
            $crate::contract::$clause(&*store).await;
        }
    )+ };
    (ignored $why:literal $new:path) => {
        $crate::contract!(@clauses (ignored $why) $new);
    };
    (@clauses ($($when:tt)+) $new:path) => {
        $crate::contract!(@each ($($when)+) $new:
            an_exact_search_finds_the_nearest,
            bad_vectors_are_refused_before_anything_is_written,
            contexts_are_found_by_content,
            contexts_stored_at_once_share_a_page,
            contexts_without_vector_are_found_by_words_only,
            counts_are_exact,
            deletes_count_exactly,
            deleting_nothing_is_no_error,
            discarding_deletes,
            each_kind_of_search_is_limited_by_itself,
            empty_questions_find_nothing,
            empty_writes_are_no_error,
            every_condition_narrows_as_defined,
            every_field_comes_back,
            flushing_and_measuring_work,
            get_keeps_the_order_and_passes_over_unknown_ids,
            hits_of_both_kinds_are_one_candidate,
            lists_bring_vectors_only_when_asked,
            lists_can_begin_with_the_oldest,
            lists_stay_stable_while_newer_contexts_come,
            of_a_repeated_id_the_last_stays,
            pages_visit_everything_once_newest_first,
            places_in_sessions_are_looked_up,
            places_that_were_empty_are_found_filled,
            replacing_inserts_what_is_new_and_never_what_is_gone,
            replacing_refuses_bad_vectors_before_anything_is_written,
            search_by_vector_scores_by_cosine,
            search_by_words_scores_by_weights,
            search_finds_only_what_the_filter_matches,
            sessions_are_paged_by_id,
            sessions_are_summarised,
            sessions_count_what_is_visible,
            tenants_may_use_the_same_id,
            tenants_never_meet,
            tenants_with_a_match_are_known,
            updates_keep_vectors_and_words,
            updates_pass_over_unknown_ids,
            upserts_replace_and_can_be_repeated,
            vectors_and_words_come_along,
            vectors_can_come_later,
            a_sample_of_words_is_the_same_every_time,
            what_is_deleted_is_gone_everywhere,
            what_is_deleted_stays_gone_whatever_is_written_meanwhile,
            what_is_over_is_hidden_as_asked,
        );
    };
    ($new:path) => {
        $crate::contract!(@clauses (always) $new);
    };
}
