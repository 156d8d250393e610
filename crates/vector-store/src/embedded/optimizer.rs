//! Rebuilding the indexes, in a thread of its own.
//!
//! The engine finds what was written lately by looking at all of it, until it is asked to build indexes. That takes
//! seconds to minutes, does not stop for anything, and lets reads and writes go on. It happens when much has changed, or
//! when nothing has changed for a while.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tokio::time::Instant;

use super::config::Config;
use super::engine::Engine;
use super::failure::{Failure, caught};
use super::folder;
use crate::disk;
use crate::metrics::observe_background;

/// The longest wait after a failure.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// Tells the optimiser that something changed. When the last one is dropped, the optimiser ends.
#[derive(Debug)]
pub(super) struct Changed(SyncSender<()>);

impl Changed {
    /// Tells it, without waiting.
    pub(super) fn tell(&self) {
        // A message that waits already says the same.
        let _already_told = self.0.try_send(());
    }
}

/// When to rebuild, and what.
#[derive(Debug)]
pub(super) struct Optimizer {
    engine: Arc<Engine>,
    changed: Receiver<()>,
    after_changes: u64,
    idle: Duration,
}

impl Optimizer {
    pub(super) fn new(engine: Arc<Engine>, config: &Config) -> (Self, Changed) {
        let (tell, changed) = sync_channel(1);
        let optimizer = Self {
            engine,
            changed,
            after_changes: config.optimize_after_changes,
            idle: Duration::from_secs(config.optimize_idle_secs),
        };
        (optimizer, Changed(tell))
    }

    /// Works until nobody is left to tell of changes. Blocks.
    pub(super) fn run(&self) {
        // What an earlier process left undone.
        self.engine.count_changes(1);
        let mut failures = 0;
        let mut not_before = Instant::now();
        loop {
            let quiet = match self.changed.recv_timeout(self.idle) {
                Ok(()) => false,
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let changes = self.engine.changes();
            let is_due = changes >= self.after_changes || (quiet && changes > 0);
            if is_due && Instant::now() >= not_before {
                failures = if self.optimize() { 0 } else { failures + 1 };
                not_before = Instant::now() + pause(self.idle, failures);
            }
        }
    }

    /// Rebuilds the indexes, and returns whether that went well. If not, the changes still count.
    fn optimize(&self) -> bool {
        let Some(_alone) = self.engine.may_optimize() else {
            return true;
        };
        let changes = self.engine.take_changes();
        let started = Instant::now();
        let result = self
            .check_room()
            .and_then(|()| caught(|| self.engine.shard().optimize()));
        observe_background("optimize", started, &result);
        self.engine.troubles().worked("rebuilding the indexes", &result);
        let duration_ms = started.elapsed().as_millis();
        match &result {
            Ok(true) => tracing::info!(changes, duration_ms, "indexes were rebuilt"),
            Ok(false) => tracing::debug!(changes, duration_ms, "indexes need no rebuilding"),
            Err(error) => {
                self.engine
                    .count_changes(usize::try_from(changes).unwrap_or(usize::MAX));
                let source = std::error::Error::source(error).map(ToString::to_string);
                tracing::error!(%error, source, changes, "indexes could not be rebuilt, searches stay slower");
            }
        }
        result.is_ok()
    }

    /// While it works it needs the space of the store a second time, and a disk that is full ends the process.
    fn check_room(&self) -> Result<(), Failure> {
        let size = disk::size(&folder::shard(self.engine.path())).unwrap_or(0);
        self.engine.room().check(size)
    }
}

/// Returns the time to wait after so many failures in a row.
fn pause(idle: Duration, failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        failures => idle.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_and_end() {
        let idle = Duration::from_secs(5);
        let pauses = [0, 1, 2, 3, 1000].map(|failures| pause(idle, failures).as_secs());
        assert_eq!(pauses, [0, 10, 20, 40, 600]);
    }
}
