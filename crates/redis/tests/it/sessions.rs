//! The contract of session caches, for two processes that share a server.

use std::sync::Arc;

use context_manager_core::ports::SessionCache;
use context_manager_redis::testing::Server;
use context_manager_vector_store::MemoryStore;
use uuid::Uuid;

use crate::server::process;

/// Caches of two processes on a server of their own, or on that of `REDIS_URL` under a prefix of their own.
struct Pair {
    caches: [Arc<dyn SessionCache>; 2],
    _server: Option<Server>,
}

impl AsRef<[Arc<dyn SessionCache>]> for Pair {
    fn as_ref(&self) -> &[Arc<dyn SessionCache>] {
        &self.caches
    }
}

async fn pair() -> Pair {
    let (server, url) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url),
        Err(_unset) => {
            let server = Server::start().await;
            let url = server.url();
            (Some(server), url)
        }
    };
    let (prefix, documents) = (Uuid::now_v7().to_string(), Arc::new(MemoryStore::new(3)));
    let one = process(&url, &prefix, &documents).await;
    let other = process(&url, &prefix, &documents).await;
    Pair {
        caches: [one, other],
        _server: server,
    }
}

context_manager_core::session_cache_contract!(pair, ignored "needs Redis: cargo xtask integration");
