//! The contract of session caches, for two processes that share a server.

use std::sync::Arc;

use context_manager_core::contract;
use context_manager_core::ports::SessionCache;
use context_manager_vector_store::MemoryStore;

use context_manager_redis::testing::Server;

use crate::server::process;

/// Returns the caches of two processes on a server of their own, or on that of `REDIS_URL` under a prefix of their own.
async fn caches(prefix: &str) -> (Option<Server>, [Arc<dyn SessionCache>; 2]) {
    let (server, url, prefix) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url, format!("{prefix}-{}", std::process::id())),
        Err(_unset) => {
            let server = Server::start().await;
            let url = server.url();
            (Some(server), url, prefix.to_owned())
        }
    };
    let documents = Arc::new(MemoryStore::new(3));
    let one = process(&url, &prefix, &documents).await;
    let other = process(&url, &prefix, &documents).await;
    (server, [one, other])
}

macro_rules! clauses {
    ($($clause:ident)+) => {
        $(
            #[tokio::test]
            #[ignore = "needs Redis: cargo xtask integration"]
            async fn $clause() {
                let (_server, caches) = caches(stringify!($clause)).await;
                contract::$clause(&caches).await;
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
#[ignore = "needs Redis: cargo xtask integration"]
async fn caches_equal_the_store() {
    let (_server, caches) = caches("caches_equal_the_store").await;
    for seed in 0..1000 {
        contract::caches_equal_the_store(&caches, seed).await;
    }
}
