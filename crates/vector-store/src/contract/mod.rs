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
pub mod fixture;
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
                deleted_contexts_are_gone_everywhere
            }
            filters {
                every_condition_matches_as_defined
                scopes_are_counted
                expired_and_superseded_contexts_are_filtered
            }
            lists {
                pages_visit_everything_once_newest_first
                lists_can_begin_with_the_oldest
                offsets_in_sessions_are_looked_up
                lists_stay_stable_while_newer_contexts_come
                contexts_stored_at_once_share_a_page
                lists_have_vectors_only_on_request
                offsets_are_found_once_filled
                counts_are_exact
            }
            search {
                search_by_vector_scores_by_cosine
                an_exact_search_finds_the_nearest
                search_by_sparse_vector_scores_by_dot_product
                a_context_found_in_both_ways_is_one_candidate
                dense_and_sparse_matches_are_limited_separately
                contexts_without_dense_vector_are_found_by_sparse_vector
                the_filter_applies_before_the_limit
                empty_queries_find_nothing
                a_sample_is_stable
                candidates_have_both_vectors
            }
            sessions {
                sessions_are_summarised
                sessions_count_visible_contexts
                sessions_are_those_of_the_filter
                sessions_are_paged_by_id
            }
            tenants {
                tenants_with_a_match_are_known
                tenants_never_meet
                tenants_may_use_the_same_id
            }
            writes {
                upserts_replace_and_can_be_repeated
                the_last_record_of_a_repeated_id_wins
                get_keeps_the_order_and_skips_unknown_ids
                every_field_comes_back
                updates_keep_vectors
                replace_inserts_new_contexts_and_never_deleted_ones
                replace_refuses_bad_vectors_before_any_write
                concurrent_writes_do_not_restore_deleted_contexts
                updates_skip_unknown_ids
                changes_apply_to_what_was_read
                vectors_can_be_set_later
                upsert_refuses_bad_vectors_before_any_write
                contexts_are_found_by_content
                empty_writes_are_no_error
                the_analyzer_is_known_once_it_is_set
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
