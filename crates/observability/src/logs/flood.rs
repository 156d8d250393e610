//! A limit of log lines per second and callsite; further lines are counted instead of written.
//!
//! Limited per callsite rather than per text: memory is bounded by the size of the program, and one flooding callsite does
//! not affect the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Metadata;
use tracing::callsite::Identifier;

use crate::metrics::LOG_LINES_SUPPRESSED;

const WINDOW: Duration = Duration::from_secs(1);

/// Admits a number of events per second from each callsite.
#[derive(Debug)]
pub(super) struct FloodGate {
    max_per_window: u32,
    callsites: Mutex<HashMap<Identifier, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    events: u32,
}

impl FloodGate {
    /// Makes a gate; 0 admits everything.
    pub(super) fn new(max_per_sec: u32) -> Self {
        Self {
            max_per_window: max_per_sec,
            callsites: Mutex::default(),
        }
    }

    /// Tells whether this event may be written.
    pub(super) fn lets_pass(&self, event: &Metadata<'_>) -> bool {
        if self.max_per_window == 0 || self.count(event.callsite(), Instant::now()) <= self.max_per_window {
            return true;
        }
        metrics::counter!(LOG_LINES_SUPPRESSED).increment(1);
        false
    }

    /// Returns the number of events of the callsite in this window, this one included.
    fn count(&self, callsite: Identifier, now: Instant) -> u32 {
        let mut callsites = self.callsites.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Window { began: now, events: 0 };
        let window = callsites.entry(callsite).or_insert(fresh);
        if now.duration_since(window.began) >= WINDOW {
            *window = fresh;
        }
        window.events = window.events.saturating_add(1);
        window.events
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::json;
    use super::*;

    #[test]
    fn a_flood_from_one_callsite_is_cut_and_does_not_affect_others() {
        let lines = json("info", 5, |_| {
            for number in 0..1000 {
                tracing::warn!(number, "again");
            }
            tracing::info!("from elsewhere");
        });
        assert_eq!(lines.len(), 6, "{lines:?}");
        assert_eq!(lines[5]["message"], "from elsewhere");
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_second_admits_lines_again() {
        let _enabled = tracing::subscriber::set_default(tracing_subscriber::registry());
        let gate = FloodGate::new(2);
        let span = tracing::info_span!("here");
        let here = span.metadata().unwrap();
        let passed = |gate: &FloodGate| (0..10).filter(|_| gate.lets_pass(here)).count();
        assert_eq!(passed(&gate), 2);
        tokio::time::advance(WINDOW).await;
        assert_eq!(passed(&gate), 2);
    }
}
