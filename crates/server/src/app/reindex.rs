//! Worker that indexes contexts again after a change of the analysis of texts.

use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ContextEngine;
use tokio::time::sleep;

/// Pause between two looks at the store, which a restored snapshot may have replaced.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// Pause after a failure of the store.
const RETRY: Duration = Duration::from_secs(10);

/// Keeps the stored terms those of this process's analyzer, until the future is dropped.
pub(super) async fn keep_indexed(engine: Arc<ContextEngine>) {
    loop {
        let pause = match engine.reindex().await {
            // Others may have another analyzer: each process indexes a shared store once, or they would never end.
            Ok(_) if engine.is_shared() => return std::future::pending().await,
            Ok(_) => LOOK_EVERY,
            Err(error) => {
                tracing::warn!(%error, "indexing again stopped, and goes on later: the store failed");
                RETRY
            }
        };
        sleep(pause).await;
    }
}
