//! Garbage collection: one run at a time, also among the processes that share a store.
//!
//! The process that runs holds a lease in the store, and renews it while it runs. A request that waits for its permit leaves
//! the queue when its client goes away. A run that a shutdown cuts off is continued by the next one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use context_manager_core::ports::StoreError;
use context_manager_core::{ContextEngine, GcReport, Scope};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Share by which the interval of a process varies, so that several servers do not run at the same moments.
const JITTER: f64 = 0.1;

/// Duration of this process's lease, which is renewed three times as often. Once it has expired, another process can go on
/// with the work of one that was killed.
const LEASE: Duration = Duration::from_secs(10);

/// Interval of asking for the lease that another process holds.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Returns the time between two runs of this process, where `interval` is configured.
pub(crate) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 + JITTER * (2.0 * fastrand::f64() - 1.0))
}

/// Runs garbage collections, one at a time.
#[derive(Debug)]
pub struct GarbageCollector {
    engine: Arc<ContextEngine>,
    /// Names this process to the others.
    process: Uuid,
    permit: Arc<Mutex<()>>,
    stop: CancellationToken,
    incomplete: AtomicBool,
}

impl GarbageCollector {
    /// Creates a collector for this engine.
    pub fn new(engine: Arc<ContextEngine>) -> Self {
        Self {
            engine,
            process: Uuid::now_v7(),
            permit: Arc::default(),
            stop: CancellationToken::new(),
            incomplete: AtomicBool::new(false),
        }
    }

    /// Waits until no run is under way in this process, and lets none begin while the guard lives. Dropping the future
    /// leaves the queue.
    pub async fn permit(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.permit).lock_owned().await
    }

    /// Collects one tenant's garbage now, after a run that is under way in another process. `None` when the server is
    /// shutting down: the next start goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot tell who holds the lease.
    pub async fn run(&self, scope: &Scope, permit: OwnedMutexGuard<()>) -> Result<Option<GcReport>, StoreError> {
        let run = async {
            loop {
                match self.with_lease(self.engine.collect(scope, false)).await? {
                    Leased::Done(report) => return Ok(report),
                    Leased::Refused | Leased::Lost => sleep(ASK_AGAIN).await,
                }
            }
        };
        let done = self.stop.run_until_cancelled(run).await.transpose();
        drop(permit);
        done
    }

    /// Reports what a run for one tenant would do. `None` when the server is shutting down.
    pub async fn preview(&self, scope: &Scope) -> Option<GcReport> {
        self.stop.run_until_cancelled(self.engine.collect(scope, true)).await
    }

    /// Returns whether the last run for all tenants left something undone.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete.load(Ordering::Relaxed)
    }

    /// Ends the run that is under way.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Collects every tenant's garbage once, unless another process does or the server is shutting down.
    pub(crate) async fn run_for_all(&self) {
        let run = async {
            let _permit = self.permit().await;
            self.with_lease(self.engine.collect_all()).await
        };
        let incomplete = match self.stop.run_until_cancelled(Box::pin(run)).await {
            None => return,
            Some(Ok(Leased::Refused)) => {
                tracing::debug!("another process collects garbage");
                return;
            }
            Some(Ok(Leased::Done(report))) => report.errors > 0,
            Some(Ok(Leased::Lost)) => {
                tracing::warn!("garbage collection stopped: its lease could not be renewed; the next run goes on");
                true
            }
            Some(Err(error)) => {
                tracing::warn!(%error, source = ?error.source, "no garbage was collected: the store did not grant the lease");
                true
            }
        };
        self.incomplete.store(incomplete, Ordering::Relaxed);
    }

    /// Does `work` if this process gets the lease, and renews the lease until the work is done.
    async fn with_lease<T>(&self, work: impl Future<Output = T>) -> Result<Leased<T>, StoreError> {
        let asked = Instant::now();
        if !self.engine.acquire_gc_lease(self.process, LEASE).await? || asked.elapsed() >= LEASE {
            return Ok(Leased::Refused);
        }
        let done = tokio::select! {
            // Boxed, as the future of a run is large.
            done = Box::pin(work) => Leased::Done(done),
            () = self.lost_lease(asked) => Leased::Lost,
        };
        if let Err(error) = self.engine.acquire_gc_lease(self.process, Duration::ZERO).await {
            tracing::debug!(%error, "the lease was not given back, and expires by itself");
        }
        Ok(done)
    }

    /// Renews the lease that was `asked` for until it is lost: another process holds it, or it expired as the store does
    /// not answer.
    async fn lost_lease(&self, mut asked: Instant) {
        loop {
            sleep(LEASE / 3).await;
            let now = Instant::now();
            match timeout_at(asked + LEASE, self.engine.acquire_gc_lease(self.process, LEASE)).await {
                Ok(Ok(true)) => asked = now,
                // There is time to ask again.
                Ok(Err(_)) => {}
                Ok(Ok(false)) | Err(_) => return,
            }
        }
    }
}

/// Result of work that needs the lease.
#[derive(Debug)]
enum Leased<T> {
    /// It was done.
    Done(T),
    /// It was not begun: another process holds the lease.
    Refused,
    /// It was begun and dropped, as the lease was lost.
    Lost,
}
