//! Collecting contexts whose time is over: by itself every so often, and when somebody asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use context_manager_core::ports::StoreError;
use context_manager_core::{ContextEngine, GcReport, Scope};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Duration, Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The interval of a process is longer or shorter by up to this share, so that several servers do not collect at the same
/// moments.
const JITTER: f64 = 0.1;

/// How long this process's turn lasts unless it is prolonged, which it is three times as often. After that another process
/// can go on with what one that was killed has begun.
const TURN: Duration = Duration::from_secs(10);

/// How often a run that somebody waits for asks whether another process's turn is over.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// The time between two garbage collections of this process, where `interval` is configured.
pub(crate) fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 + JITTER * (2.0 * fastrand::f64() - 1.0))
}

/// Collects, one run at a time, also among the processes that share a store.
#[derive(Debug)]
pub struct Collection {
    engine: Arc<ContextEngine>,
    /// Names this process to the others.
    process: Uuid,
    turn: Arc<Mutex<()>>,
    stop: CancellationToken,
    incomplete: AtomicBool,
}

impl Collection {
    /// What collects with this engine.
    pub fn new(engine: Arc<ContextEngine>) -> Self {
        Self {
            engine,
            process: Uuid::now_v7(),
            turn: Arc::default(),
            stop: CancellationToken::new(),
            incomplete: AtomicBool::new(false),
        }
    }

    /// Waits until no garbage collection runs in this process, and lets none begin while the guard lives. Dropping the
    /// future gives the place in the queue up.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    /// Garbage collects one tenant's contexts now, in its turn. A run that is under way in another process is waited for.
    /// `None` when the server is shutting down: the next start goes on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot tell whose turn it is.
    pub async fn run(&self, scope: &Scope, turn: OwnedMutexGuard<()>) -> Result<Option<GcReport>, StoreError> {
        let run = async {
            loop {
                match self.alone(self.engine.collect(scope, false)).await? {
                    Turn::Done(report) => return Ok(report),
                    Turn::Taken | Turn::Lost => sleep(ASK_AGAIN).await,
                }
            }
        };
        let done = self.stop.run_until_cancelled(run).await.transpose();
        drop(turn);
        done
    }

    /// Tells what a garbage collection of one tenant's contexts would do. `None` when the server is shutting down.
    pub async fn preview(&self, scope: &Scope) -> Option<GcReport> {
        self.stop.run_until_cancelled(self.engine.collect(scope, true)).await
    }

    /// Whether something was left undone when everything was collected last.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete.load(Ordering::Relaxed)
    }

    /// Ends what is under way.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Garbage collects every tenant's contexts once, unless another process does or the server is shutting down.
    pub(crate) async fn run_for_all(&self) {
        let run = async {
            let _turn = self.turn().await;
            self.alone(self.engine.collect_all()).await
        };
        let incomplete = match self.stop.run_until_cancelled(Box::pin(run)).await {
            None => return,
            Some(Ok(Turn::Taken)) => {
                tracing::debug!("another process collects");
                return;
            }
            Some(Ok(Turn::Done(report))) => report.errors > 0,
            Some(Ok(Turn::Lost)) => {
                tracing::warn!("a collection was left, as the turn to collect could not be kept; the next one goes on");
                true
            }
            Some(Err(error)) => {
                tracing::warn!(%error, source = ?error.source, "nothing was collected: the store cannot tell whose turn it is");
                true
            }
        };
        self.incomplete.store(incomplete, Ordering::Relaxed);
    }

    /// Does `work` if it is this process's turn, which lasts until that is done.
    async fn alone<T>(&self, work: impl Future<Output = T>) -> Result<Turn<T>, StoreError> {
        let asked = Instant::now();
        if !self.engine.may_collect(self.process, TURN).await? || asked.elapsed() >= TURN {
            return Ok(Turn::Taken);
        }
        let turn = tokio::select! {
            // Boxed, as a collection is large.
            done = Box::pin(work) => Turn::Done(done),
            () = self.lost_turn(asked) => Turn::Lost,
        };
        if let Err(error) = self.engine.may_collect(self.process, Duration::ZERO).await {
            tracing::debug!(%error, "the turn to collect was not given back, and ends by itself");
        }
        Ok(turn)
    }

    /// Prolongs the turn that was `asked` for, until it is lost: it is another's, or its time is over as the store does not
    /// answer.
    async fn lost_turn(&self, mut asked: Instant) {
        loop {
            sleep(TURN / 3).await;
            let now = Instant::now();
            match timeout_at(asked + TURN, self.engine.may_collect(self.process, TURN)).await {
                Ok(Ok(true)) => asked = now,
                // There is time to ask again.
                Ok(Err(_)) => {}
                Ok(Ok(false)) | Err(_) => return,
            }
        }
    }
}

/// What became of work that one process does at a time.
#[derive(Debug)]
enum Turn<T> {
    /// It was done.
    Done(T),
    /// It was not begun: another process has the turn.
    Taken,
    /// It was begun and dropped.
    Lost,
}
