//! The contract that every store keeps, as tests.
//!
//! Each clause is a function that takes an empty store for vectors of [`DIMENSIONS`] numbers and panics if the store breaks
//! it. [`contract!`](crate::contract!) makes each a test of its own. To run them against another implementation, enable the
//! feature `contract` of this crate and the features `macros` and `rt` of tokio for development, and write in a test file:
//!
//! ```
//! # use context_manager_vector_store::MemoryStore as MyStore;
//! use context_manager_vector_store::contract;
//!
//! /// Returns anything that dereferences to a store, such as a `Box`, or a struct that also owns the store's folder.
//! async fn new_store() -> Box<MyStore> {
//!     Box::new(MyStore::new(contract::DIMENSIONS))
//! }
//!
//! contract!(new_store);
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! #     contract::deletes::deletes_count_exactly(&*new_store().await).await;
//! # }
//! ```
#![expect(clippy::unwrap_used, reason = "a clause fails by panicking")]

pub mod deletes;
pub mod filters;
mod fixture;
pub mod lists;
pub mod search;
pub mod sessions;
pub mod tenants;
pub mod writes;

pub use fixture::DIMENSIONS;

/// Makes every clause of the contract a test for the store that the asynchronous function `$new` returns.
///
/// `contract!(new_store, ignored "why")` makes tests that only run when asked for, for a store that is not always
/// available.
#[macro_export]
macro_rules! contract {
    (@each $new:path, $attributes:tt, $($module:ident { $($clause:ident)+ })+) => {
        $($($crate::contract!(@test $new, $attributes, $module $clause);)+)+
    };
    (@test $new:path, [$($attribute:tt)*], $module:ident $clause:ident) => {
        #[tokio::test]
        $($attribute)*
        async fn $clause() {
            let store = $new().await;
            $crate::contract::$module::$clause(&*store).await;
        }
    };
    ($new:path $(, ignored $why:literal)?) => {
        $crate::contract!(@each $new, [$(#[ignore = $why])?],
            deletes {
                deletes_count_exactly
                discarding_deletes
                deleting_nothing_is_no_error
                what_is_deleted_is_gone_everywhere
            }
            filters {
                every_condition_narrows_as_defined
                what_is_over_is_hidden_as_asked
            }
            lists {
                pages_visit_everything_once_newest_first
                lists_can_begin_with_the_oldest
                places_in_sessions_are_looked_up
                lists_stay_stable_while_newer_contexts_come
                contexts_stored_at_once_share_a_page
                lists_bring_vectors_only_when_asked
                places_that_were_empty_are_found_filled
                counts_are_exact
            }
            search {
                search_by_vector_scores_by_cosine
                an_exact_search_finds_the_nearest
                search_by_words_scores_by_weights
                hits_of_both_kinds_are_one_candidate
                each_kind_of_search_is_limited_by_itself
                contexts_without_vector_are_found_by_words_only
                search_finds_only_what_the_filter_matches
                empty_questions_find_nothing
                a_sample_of_words_is_the_same_every_time
                vectors_and_words_come_along
            }
            sessions {
                sessions_are_summarised
                sessions_count_what_is_visible
                sessions_are_paged_by_id
            }
            tenants {
                tenants_with_a_match_are_known
                tenants_never_meet
                tenants_may_use_the_same_id
            }
            writes {
                upserts_replace_and_can_be_repeated
                of_a_repeated_id_the_last_stays
                get_keeps_the_order_and_passes_over_unknown_ids
                every_field_comes_back
                updates_keep_vectors_and_words
                replacing_inserts_what_is_new_and_never_what_is_gone
                replacing_refuses_bad_vectors_before_anything_is_written
                what_is_deleted_stays_gone_whatever_is_written_meanwhile
                updates_pass_over_unknown_ids
                vectors_can_come_later
                bad_vectors_are_refused_before_anything_is_written
                contexts_are_found_by_content
                empty_writes_are_no_error
                flushing_and_measuring_work
            }
        );
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_clause_is_in_the_macro() {
        let listed = include_str!("mod.rs");
        for module in [
            include_str!("deletes.rs"),
            include_str!("filters.rs"),
            include_str!("lists.rs"),
            include_str!("search.rs"),
            include_str!("sessions.rs"),
            include_str!("tenants.rs"),
            include_str!("writes.rs"),
        ] {
            for line in module.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
                let clause = line.split('(').next().unwrap();
                assert!(listed.contains(&format!("                {clause}\n")), "{clause}");
            }
        }
    }
}
