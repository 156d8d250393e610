//! No place in the code may flood the log: what it logs beyond a number of lines a second is counted instead.
//!
//! By place, not by text, so that what is remembered is bounded by the size of the program, and a flood from one place
//! takes nothing away from the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Metadata;
use tracing::callsite::Identifier;

use crate::metrics::LOG_LINES_SUPPRESSED;

const WINDOW: Duration = Duration::from_secs(1);

/// Lets so many events a second pass from each place.
#[derive(Debug)]
pub(super) struct FloodGate {
    max_per_window: u32,
    places: Mutex<HashMap<Identifier, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    events: u32,
}

impl FloodGate {
    /// 0 lets everything pass.
    pub(super) fn new(max_per_sec: u32) -> Self {
        Self {
            max_per_window: max_per_sec,
            places: Mutex::default(),
        }
    }

    /// Whether the event of this description may be written.
    pub(super) fn lets_pass(&self, event: &Metadata<'_>) -> bool {
        if self.max_per_window == 0 || self.count(event.callsite(), Instant::now()) <= self.max_per_window {
            return true;
        }
        metrics::counter!(LOG_LINES_SUPPRESSED).increment(1);
        false
    }

    /// How many events the place had in this window, with this one.
    fn count(&self, place: Identifier, now: Instant) -> u32 {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Window { began: now, events: 0 };
        let window = places.entry(place).or_insert(fresh);
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
    fn a_flood_from_one_place_is_cut_and_takes_nothing_from_others() {
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
    async fn the_next_second_lets_lines_pass_again() {
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
