//! Collecting contexts whose time is over: by itself every so often, and when somebody asks for it.

use std::sync::Arc;

use context_manager_core::{ContextEngine, GcReport, Scope};
use context_manager_observability::{HealthHandle, Status};
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
}

impl Collection {
    pub(crate) fn new(engine: Arc<ContextEngine>) -> Self {
        Self {
            engine,
            turn: Mutex::default(),
            stop: CancellationToken::new(),
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

    /// Ends what is under way.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Collects every tenant's contexts each `interval` until it is dropped. A run that panics ends alone.
    pub(crate) async fn every(self: Arc<Self>, interval: Duration, health: HealthHandle) {
        loop {
            sleep(interval.mul_f64(1.0 + JITTER * (2.0 * fastrand::f64() - 1.0))).await;
            let this = Arc::clone(&self);
            let run = tokio::spawn(async move {
                let _turn = this.turn.lock().await;
                this.engine.collect_all().await
            });
            let status = match AbortOnDropHandle::new(run).await {
                Ok(report) if report.errors == 0 => Status::Up,
                Ok(_) => Status::Degraded,
                Err(error) => {
                    tracing::error!(%error, "a collection ended before its time; the next one goes on");
                    Status::Degraded
                }
            };
            health.set(status);
        }
    }
}
