//! The state machine of a circuit, without clock, lock or metrics.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::config::CircuitBreakerConfig;

/// Result of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// The caller stopped waiting.
    Cancelled,
}

/// A change of the phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    Opened { reason: &'static str, open_for: Duration },
    HalfOpened,
    Closed { times_opened: u32 },
}

/// State of a circuit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Number of transitions so far. Results of calls from an earlier phase are ignored.
    pub(super) generation: u64,
    /// Number of times it opened since it was last closed.
    pub(super) times_opened: u32,
    pub(super) phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed(Window),
    Open { until: Instant },
    HalfOpen { in_flight: u32, successes: u32 },
}

/// Results of the last calls, newest last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    failed: VecDeque<bool>,
    failures: u32,
    pub(super) consecutive_failures: u32,
}

impl State {
    /// A closed circuit without any calls.
    pub(super) fn new() -> Self {
        Self {
            generation: 0,
            times_opened: 0,
            phase: Phase::Closed(Window::default()),
        }
    }

    /// Returns the time to wait before a call would be admitted; `None` admits it now.
    pub(super) fn wait(&self, now: Instant, config: &CircuitBreakerConfig) -> Option<Duration> {
        match self.phase {
            Phase::Closed(_) => None,
            Phase::Open { until } => Some(until.saturating_duration_since(now)).filter(|wait| !wait.is_zero()),
            // The probes in flight decide, at a time nobody knows.
            Phase::HalfOpen { in_flight, successes } => {
                (in_flight + successes >= config.half_open_probes).then(|| Duration::from_millis(config.open_ms))
            }
        }
    }

    /// Admits a call.
    ///
    /// # Errors
    /// The time to wait.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        config: &CircuitBreakerConfig,
    ) -> Result<Option<Transition>, Duration> {
        if let Some(wait) = self.wait(now, config) {
            return Err(wait);
        }
        match &mut self.phase {
            Phase::Closed(_) => {}
            Phase::HalfOpen { in_flight, .. } => *in_flight += 1,
            Phase::Open { .. } => {
                self.enter(Phase::HalfOpen {
                    in_flight: 1,
                    successes: 0,
                });
                return Ok(Some(Transition::HalfOpened));
            }
        }
        Ok(None)
    }

    /// Records the result of a call admitted in `generation`. The time to stay open is multiplied by `jitter`.
    pub(super) fn finish(
        &mut self,
        generation: u64,
        outcome: Outcome,
        now: Instant,
        config: &CircuitBreakerConfig,
        jitter: f64,
    ) -> Option<Transition> {
        if generation != self.generation {
            return None;
        }
        let reason = match (&mut self.phase, outcome) {
            (Phase::Closed(_), Outcome::Cancelled) | (Phase::Open { .. }, _) => return None,
            (Phase::Closed(window), Outcome::Success | Outcome::Failure) => {
                window.record(outcome == Outcome::Failure, config)?
            }
            (Phase::HalfOpen { .. }, Outcome::Failure) => "a probe failed",
            (Phase::HalfOpen { in_flight, successes }, Outcome::Success | Outcome::Cancelled) => {
                *in_flight -= 1;
                *successes += u32::from(outcome == Outcome::Success);
                if *successes < config.half_open_probes {
                    return None;
                }
                self.enter(Phase::Closed(Window::default()));
                let times_opened = std::mem::take(&mut self.times_opened);
                return Some(Transition::Closed { times_opened });
            }
        };
        self.times_opened = self.times_opened.saturating_add(1);
        let open_for = config
            .open_for(self.times_opened)
            .mul_f64(jitter)
            .max(Duration::from_millis(1));
        self.enter(Phase::Open { until: now + open_for });
        Some(Transition::Opened { reason, open_for })
    }

    fn enter(&mut self, phase: Phase) {
        self.generation += 1;
        self.phase = phase;
    }
}

impl Window {
    /// Adds a result, and returns the reason to open the circuit if there is one now.
    fn record(&mut self, failed: bool, config: &CircuitBreakerConfig) -> Option<&'static str> {
        self.consecutive_failures = if failed { self.consecutive_failures + 1 } else { 0 };
        self.failures += u32::from(failed);
        self.failed.push_back(failed);
        let full = self.failed.len() >= config.window as usize;
        if self.failed.len() > config.window as usize && self.failed.pop_front() == Some(true) {
            self.failures -= 1;
        }
        if self.consecutive_failures >= config.consecutive_failures {
            return Some("calls in a row failed");
        }
        #[expect(clippy::cast_precision_loss, reason = "a window is far shorter than 2^24")]
        let rate = self.failures as f32 / config.window as f32;
        let too_many = full && self.failures > 0 && rate >= config.failure_rate;
        too_many.then_some("too many of the last calls failed")
    }
}
