//! Collecting contexts whose time is over: by itself every so often, and when somebody asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use context_manager_core::{ContextEngine, GcReport, Scope};
use tokio::sync::Mutex;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The interval is longer or shorter by up to this share, so that several servers do not collect at the same moments.
const JITTER: f64 = 0.1;

/// Collects, one run at a time.
#[derive(Debug)]
pub struct Collection {
    engine: Arc<ContextEngine>,
    turn: Mutex<()>,
    stop: CancellationToken,
    incomplete: AtomicBool,
}

impl Collection {
    pub(crate) fn new(engine: Arc<ContextEngine>) -> Self {
        Self {
            engine,
            turn: Mutex::default(),
            stop: CancellationToken::new(),
            incomplete: AtomicBool::new(false),
        }
    }

    /// Collects one tenant's contexts now, or with `dry_run` only tells what that would be. A run that is under way is
    /// waited for. `None` when the server is shutting down: the next start goes on.
    pub async fn run(&self, scope: &Scope, dry_run: bool) -> Option<GcReport> {
        let run = async {
            let _turn = if dry_run { None } else { Some(self.turn.lock().await) };
            self.engine.collect(scope, dry_run).await
        };
        self.stop.run_until_cancelled(run).await
    }

    /// Whether something was left undone when everything was collected last.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete.load(Ordering::Relaxed)
    }

    /// Ends what is under way.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Collects every tenant's contexts each `interval` until it is dropped. A run that panics ends alone.
    pub(crate) async fn every(self: Arc<Self>, interval: Duration) {
        loop {
            sleep(interval.mul_f64(1.0 + JITTER * (2.0 * fastrand::f64() - 1.0))).await;
            let this = Arc::clone(&self);
            let run = tokio::spawn(async move {
                let _turn = this.turn.lock().await;
                this.engine.collect_all().await
            });
            let incomplete = match AbortOnDropHandle::new(run).await {
                Ok(report) => report.errors > 0,
                Err(error) => {
                    tracing::error!(%error, "a collection ended before its time; the next one goes on");
                    true
                }
            };
            self.incomplete.store(incomplete, Ordering::Relaxed);
        }
    }
}
