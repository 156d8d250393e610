//! Damage and failures that a store survives: logged once, counted, and listed for health checks.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use qdrant_edge::PointId;

use super::failure::Failure;
use crate::metrics::{BACKGROUND_ERRORS, UNREADABLE};

/// Maximum number of unreadable records that are distinguished. Others are skipped without a log line.
const MAX_UNREADABLE: usize = 10_000;

/// Pause of a thread after a panic.
const PAUSE: Duration = Duration::from_millis(100);

/// Current problems.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    at_start: Option<String>,
    unreadable: HashSet<PointId>,
    /// Failing background work, and its last failure.
    failing: BTreeMap<&'static str, String>,
    /// Number of panics of each thread.
    panics: BTreeMap<&'static str, u64>,
}

impl Troubles {
    pub(super) fn new(at_start: Option<String>) -> Self {
        let known = Known {
            at_start,
            ..Known::default()
        };
        Self(Mutex::new(known))
    }

    /// Notes that a record is damaged and was skipped.
    pub(super) fn unreadable(&self, id: PointId, error: &dyn Error) {
        let unreadable = &mut self.known().unreadable;
        if unreadable.len() < MAX_UNREADABLE && unreadable.insert(id) {
            metrics::counter!(UNREADABLE).increment(1);
            let source = error.source().map(ToString::to_string);
            tracing::error!(point = %id, %error, source, "a stored context is damaged and is skipped");
        }
    }

    /// Notes that these records are being replaced or removed.
    pub(super) fn forget(&self, ids: &[PointId]) {
        let unreadable = &mut self.known().unreadable;
        if !unreadable.is_empty() {
            unreadable.retain(|id| !ids.contains(id));
        }
    }

    /// Notes the outcome of background work.
    pub(super) fn worked<T>(&self, work: &'static str, result: &Result<T, Failure>) {
        let failing = &mut self.known().failing;
        match result {
            Ok(_) => drop(failing.remove(work)),
            Err(failure) => drop(failing.insert(work, failure.to_string())),
        }
    }

    /// Runs `work`, again after each panic, until it returns.
    pub(super) fn supervise<T>(&self, thread: &'static str, mut work: impl FnMut() -> T) -> T {
        loop {
            // The state of the work is consistent between its steps.
            match catch_unwind(AssertUnwindSafe(&mut work)) {
                Ok(end) => return end,
                Err(_reported_by_the_panic_hook) => {
                    *self.known().panics.entry(thread).or_default() += 1;
                    metrics::counter!(BACKGROUND_ERRORS, "operation" => thread).increment(1);
                    tracing::error!(thread, "a thread of the store panicked and is restarted");
                    #[expect(clippy::disallowed_methods, reason = "not an async thread")]
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Returns each problem as a sentence for operators.
    pub(super) fn list(&self) -> Vec<String> {
        let known = self.known();
        let unreadable = (!known.unreadable.is_empty()).then(|| {
            format!(
                "{} stored contexts are damaged and are passed over; the log names their points",
                known.unreadable.len()
            )
        });
        let failing = known
            .failing
            .iter()
            .map(|(work, failure)| format!("{work} fails and is tried again: {failure}"));
        let panics = known
            .panics
            .iter()
            .map(|(thread, panics)| format!("the thread {thread} panicked {panics} times since the start"));
        let all = known.at_start.clone().into_iter().chain(unreadable);
        all.chain(failing).chain(panics).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change is atomic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panicking_thread_is_restarted_and_listed() {
        let troubles = Troubles::default();
        let mut rounds = 0;
        let ended = troubles.supervise("builder", || {
            rounds += 1;
            assert!(rounds > 2, "it breaks twice");
            rounds
        });
        assert_eq!(ended, 3);
        assert_eq!(troubles.list(), ["the thread builder panicked 2 times since the start"]);
    }

    #[test]
    fn failing_work_is_listed_until_it_succeeds() {
        let troubles = Troubles::new(Some("repaired".to_owned()));
        troubles.worked::<()>("flush", &Err(Failure::Panicked));
        troubles.unreadable(PointId::NumId(1), &Failure::Panicked);
        troubles.unreadable(PointId::NumId(1), &Failure::Panicked);
        assert_eq!(troubles.list().len(), 3);
        assert!(troubles.list()[1].starts_with("1 stored contexts"));
        troubles.worked("flush", &Ok(()));
        troubles.forget(&[PointId::NumId(1)]);
        assert_eq!(troubles.list(), ["repaired"]);
    }
}
