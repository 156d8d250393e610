//! The states of a circuit and what leads from one to the next, without clock or atomics.
//!
//! The whole state fits into 64 bits, so that one compare-and-swap changes it. A state has a generation: results of calls
//! that began in an earlier one change nothing.

use super::config::{CircuitBreakerConfig, MAX_WINDOW};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    /// Nobody waited for its end.
    Cancelled,
}

/// Why a circuit opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    ConsecutiveFailures,
    FailureRate,
    ProbeFailed,
}

/// The state of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Machine {
    /// Goes up at every change of the phase.
    pub(super) generation: u16,
    /// How often it opened since it was last closed.
    pub(super) streak: u8,
    pub(super) phase: Phase,
}

/// What a circuit does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It lets all through.
    Closed(Window),
    /// It lets none through until this time, in milliseconds.
    Open { until: u64 },
    /// It lets a few through, to see.
    HalfOpen { in_flight: u8, successes: u8 },
}

/// How the last calls ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// How many there were, up to [`MAX_WINDOW`].
    pub(super) calls: u8,
    /// A bit for each, set if it failed, the last one lowest.
    pub(super) failures: u32,
}

/// Bits of the parts of a packed state, from the highest: phase, generation, streak, and what belongs to the phase.
const GENERATION_BITS: u32 = 14;
const STREAK_BITS: u32 = 6;
const REST_BITS: u32 = 42;
const MAX_STREAK: u8 = (1 << STREAK_BITS) - 1;
/// 139 years in milliseconds.
const MAX_UNTIL: u64 = (1 << REST_BITS) - 1;

impl Machine {
    /// Closed, and nothing has happened.
    pub(super) const NEW: Self = Self {
        generation: 0,
        streak: 0,
        phase: Phase::Closed(Window::EMPTY),
    };

    pub(super) fn pack(self) -> u64 {
        let (phase, rest) = match self.phase {
            Phase::Closed(window) => (0, u64::from(window.calls) << 32 | u64::from(window.failures)),
            Phase::Open { until } => (1, until.min(MAX_UNTIL)),
            Phase::HalfOpen { in_flight, successes } => (2, u64::from(in_flight) << 8 | u64::from(successes)),
        };
        let head = (phase << GENERATION_BITS | u64::from(self.generation)) << STREAK_BITS | u64::from(self.streak);
        head << REST_BITS | rest
    }

    pub(super) fn unpack(packed: u64) -> Self {
        let bits = |from: u32, count: u32| (packed >> from) & ((1 << count) - 1);
        let [calls, in_flight, successes, streak] = [bits(32, 8), bits(8, 8), bits(0, 8), bits(REST_BITS, STREAK_BITS)]
            .map(|byte| u8::try_from(byte).unwrap_or(0));
        let phase = match packed >> (REST_BITS + STREAK_BITS + GENERATION_BITS) {
            0 => Phase::Closed(Window {
                calls,
                failures: u32::try_from(bits(0, 32)).unwrap_or(0),
            }),
            1 => Phase::Open {
                until: bits(0, REST_BITS),
            },
            _ => Phase::HalfOpen { in_flight, successes },
        };
        Self {
            generation: u16::try_from(bits(REST_BITS + STREAK_BITS, GENERATION_BITS)).unwrap_or(0),
            streak,
            phase,
        }
    }

    /// The state after a call was let through, or how many milliseconds it has to wait.
    pub(super) fn admit(self, now: u64, config: &CircuitBreakerConfig) -> Result<Self, u64> {
        match self.phase {
            Phase::Closed(_) => Ok(self),
            Phase::Open { until } if now < until => Err(until - now),
            Phase::Open { .. } => Ok(self.next(Phase::HalfOpen {
                in_flight: 1,
                successes: 0,
            })),
            // Those on their way will decide; nothing tells when.
            Phase::HalfOpen { in_flight, successes } if u32::from(in_flight + successes) < config.half_open_probes => {
                Ok(Self {
                    phase: Phase::HalfOpen {
                        in_flight: in_flight + 1,
                        successes,
                    },
                    ..self
                })
            }
            Phase::HalfOpen { .. } => Err(config.open_ms),
        }
    }

    /// The state after a call that began in `generation` has ended. `open_for` tells how many milliseconds to stay open
    /// after opening so many times.
    pub(super) fn finish(
        self,
        generation: u16,
        outcome: Outcome,
        now: u64,
        config: &CircuitBreakerConfig,
        open_for: impl Fn(u8) -> u64,
    ) -> (Self, Option<Reason>) {
        if generation != self.generation {
            return (self, None);
        }
        match self.phase {
            Phase::Closed(window) => {
                let window = window.with(outcome);
                match window.reason_to_open(config) {
                    Some(reason) => (self.open(now, open_for), Some(reason)),
                    None => (
                        Self {
                            phase: Phase::Closed(window),
                            ..self
                        },
                        None,
                    ),
                }
            }
            // No call begins in it.
            Phase::Open { .. } => (self, None),
            Phase::HalfOpen { in_flight, successes } => match outcome {
                Outcome::Failure => (self.open(now, open_for), Some(Reason::ProbeFailed)),
                Outcome::Success if u32::from(successes) + 1 >= config.half_open_probes => {
                    let closed = Self {
                        streak: 0,
                        ..self.next(Phase::Closed(Window::EMPTY))
                    };
                    (closed, None)
                }
                Outcome::Success | Outcome::Cancelled => {
                    let phase = Phase::HalfOpen {
                        in_flight: in_flight.saturating_sub(1),
                        successes: successes + u8::from(outcome == Outcome::Success),
                    };
                    (Self { phase, ..self }, None)
                }
            },
        }
    }

    fn open(self, now: u64, open_for: impl Fn(u8) -> u64) -> Self {
        let streak = (self.streak + 1).min(MAX_STREAK);
        Self {
            streak,
            ..self.next(Phase::Open {
                until: now + open_for(streak),
            })
        }
    }

    fn next(self, phase: Phase) -> Self {
        Self {
            generation: (self.generation + 1) % (1 << GENERATION_BITS),
            phase,
            ..self
        }
    }
}

impl Window {
    const EMPTY: Self = Self { calls: 0, failures: 0 };

    fn with(self, outcome: Outcome) -> Self {
        if outcome == Outcome::Cancelled {
            return self;
        }
        Self {
            calls: (self.calls + 1).min(MAX_WINDOW),
            failures: self.failures << 1 | u32::from(outcome == Outcome::Failure),
        }
    }

    fn reason_to_open(self, config: &CircuitBreakerConfig) -> Option<Reason> {
        if self.failures.trailing_ones() >= config.consecutive_failures {
            return Some(Reason::ConsecutiveFailures);
        }
        let last = u32::MAX >> (u32::BITS - config.window.clamp(1, u32::from(MAX_WINDOW)));
        let failed = (self.failures & last).count_ones();
        #[expect(clippy::cast_precision_loss, reason = "at most 32")]
        let rate = failed as f32 / config.window as f32;
        let full = u32::from(self.calls) >= config.window;
        (full && failed > 0 && rate >= config.failure_rate).then_some(Reason::FailureRate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const OPEN_MS: u64 = 100;

    fn config() -> CircuitBreakerConfig {
        CircuitBreakerConfig {
            consecutive_failures: 3,
            failure_rate: 0.5,
            window: 6,
            half_open_probes: 2,
            open_ms: OPEN_MS,
            max_open_ms: 8 * OPEN_MS,
            ..CircuitBreakerConfig::default()
        }
    }

    fn open_for(streak: u8) -> u64 {
        u64::try_from(config().open_for(streak).as_millis()).unwrap()
    }

    fn after(outcomes: &[Outcome]) -> Machine {
        outcomes.iter().fold(Machine::NEW, |machine, outcome| {
            machine.finish(machine.generation, *outcome, 0, &config(), open_for).0
        })
    }

    #[test]
    fn failures_in_a_row_open_it() {
        use Outcome::{Cancelled, Failure, Success};
        assert!(matches!(
            after(&[Failure, Failure, Success, Failure, Failure]).phase,
            Phase::Closed(_)
        ));
        assert!(matches!(
            after(&[Failure, Failure, Cancelled, Failure]).phase,
            Phase::Open { until: OPEN_MS }
        ));
    }

    #[test]
    fn a_rate_of_failures_opens_it_once_the_window_is_full() {
        use Outcome::{Failure, Success};
        assert!(matches!(
            after(&[Failure, Failure, Success, Failure, Success]).phase,
            Phase::Closed(_)
        ));
        let full = after(&[Failure, Failure, Success, Failure, Success, Success]);
        assert!(matches!(full.phase, Phase::Open { .. }));
    }

    #[test]
    fn every_state_fits_into_64_bits() {
        let window = Window {
            calls: 32,
            failures: u32::MAX,
        };
        for phase in [
            Phase::Closed(window),
            Phase::Closed(Window::EMPTY),
            Phase::Open { until: MAX_UNTIL },
            Phase::HalfOpen {
                in_flight: 255,
                successes: 254,
            },
        ] {
            for (generation, streak) in [(0, 0), ((1 << GENERATION_BITS) - 1, MAX_STREAK)] {
                let machine = Machine {
                    generation,
                    streak,
                    phase,
                };
                assert_eq!(Machine::unpack(machine.pack()), machine);
            }
        }
    }

    /// Something that happens to a circuit: time passes, a call begins, or one that runs ends.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        Wait(u64),
        Begin,
        End(prop::sample::Index, Outcome),
    }

    fn event() -> impl Strategy<Value = Event> {
        let outcome = prop_oneof![
            3 => Just(Outcome::Success), 4 => Just(Outcome::Failure), 1 => Just(Outcome::Cancelled)
        ];
        prop_oneof![
            1 => (0..2 * OPEN_MS).prop_map(Event::Wait),
            3 => Just(Event::Begin),
            3 => (any::<prop::sample::Index>(), outcome).prop_map(|(which, outcome)| Event::End(which, outcome)),
        ]
    }

    proptest! {
        /// Whatever the order in which calls that run at the same time begin and end.
        #[test]
        fn its_promises_hold_in_every_order(events in vec(event(), 0..200)) {
            let config = config();
            let (mut machine, mut now) = (Machine::NEW, 0);
            let mut running: Vec<u16> = Vec::new();
            for event in events {
                let before = machine;
                match event {
                    Event::Wait(millis) => now += millis,
                    Event::Begin => match machine.admit(now, &config) {
                        Ok(next) => {
                            if let Phase::Open { until } = machine.phase {
                                prop_assert!(now >= until, "nothing comes through before its time");
                            }
                            machine = next;
                            running.push(machine.generation);
                        }
                        Err(wait) => {
                            prop_assert!(!matches!(machine.phase, Phase::Closed(_)), "closed lets all through");
                            prop_assert!(wait > 0 && wait <= config.max_open_ms);
                        }
                    },
                    Event::End(which, outcome) => {
                        if running.is_empty() {
                            continue;
                        }
                        let generation = running.swap_remove(which.index(running.len()));
                        let (next, reason) = machine.finish(generation, outcome, now, &config, open_for);
                        if generation != machine.generation {
                            prop_assert_eq!(next, machine, "what began before changes nothing");
                        }
                        let opened = matches!(next.phase, Phase::Open { .. }) && next != machine;
                        prop_assert_eq!(opened, reason.is_some());
                        machine = next;
                    }
                }
                prop_assert_eq!(Machine::unpack(machine.pack()), machine);
                match machine.phase {
                    Phase::HalfOpen { in_flight, successes } => {
                        let probes = running.iter().filter(|generation| **generation == machine.generation).count();
                        prop_assert_eq!(probes, usize::from(in_flight), "every probe is counted, and given back");
                        prop_assert!(u32::from(in_flight) + u32::from(successes) <= config.half_open_probes);
                    }
                    Phase::Open { until } => {
                        prop_assert!(until <= now + config.max_open_ms, "it never stays open for longer");
                        if machine.generation != before.generation {
                            let expected = open_for(before.streak + 1);
                            prop_assert_eq!(until, now + expected, "and longer each time");
                        }
                    }
                    Phase::Closed(window) => {
                        prop_assert!(window.failures.trailing_ones() < config.consecutive_failures);
                        prop_assert!(matches!(before.phase, Phase::Closed(_)) || machine.streak == 0);
                    }
                }
            }
        }
    }
}
