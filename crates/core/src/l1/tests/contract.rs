//! The contract of session caches, for the memory of one process.

use super::*;
use crate::contract;
use crate::ports::SessionCache;

fn cache() -> [Arc<dyn SessionCache>; 1] {
    [Arc::new(L1::new(1000))]
}

macro_rules! clauses {
    ($($clause:ident)+) => {
        $(
            #[tokio::test]
            async fn $clause() {
                contract::$clause(&cache()).await;
            }
        )+
    };
}

clauses!(
    a_filled_session_is_a_hit
    a_read_that_a_write_overtakes_is_refused
    changes_are_followed
    a_promotion_is_read_from_the_store
    deletions_are_followed
    an_unknown_outcome_is_a_miss
    a_cleared_cache_is_empty
);

#[tokio::test]
async fn caches_equal_the_store() {
    let cache = cache();
    for seed in 0..5000 {
        contract::caches_equal_the_store(&cache, seed).await;
    }
}
