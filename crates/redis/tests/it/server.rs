//! Caches of processes that share a server.

use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::SharedDocuments;
use context_manager_redis::{Config, Connection, RedisSessions, Sizes};
use context_manager_vector_store::MemoryStore;

/// Returns the cache of one more process on the server at `url`, once it trusts Redis.
pub(crate) async fn process(url: &str, prefix: &str, documents: &Arc<MemoryStore>) -> Arc<RedisSessions> {
    let config = Config {
        url: Some(url.to_owned().into()),
        key_prefix: prefix.to_owned(),
        // A server under test may share its cores with a build.
        timeout_ms: 2000,
        ..Config::default()
    };
    let connection = Arc::new(Connection::new(&config).unwrap());
    let sizes = Sizes {
        session: 100,
        near: 10_000,
        near_idle: Duration::from_mins(1),
    };
    let documents: Arc<dyn SharedDocuments> = Arc::<MemoryStore>::clone(documents);
    let sessions = Arc::new(RedisSessions::new(connection, documents, &config, sizes));
    let kept = Arc::clone(&sessions);
    tokio::spawn(async move { kept.keep().await });
    // The first reading of the documents.
    tokio::time::sleep(Duration::from_millis(50)).await;
    sessions
}
