use proptest::prelude::*;
use tokio::time::{advance, sleep};

use super::*;

fn breaker(config: CircuitBreakerConfig) -> CircuitBreaker {
    CircuitBreaker::new("test", config)
}

fn fail(breaker: &CircuitBreaker, times: usize) {
    for _ in 0..times {
        breaker.acquire().unwrap().failure();
    }
}

#[tokio::test(start_paused = true)]
async fn open_circuit_refuses_until_probes_succeed() {
    let breaker = breaker(CircuitBreakerConfig::default());
    fail(&breaker, 4);
    breaker.acquire().unwrap().success();
    fail(&breaker, 5);
    assert_eq!(breaker.state(), CircuitState::Open);
    let refused = breaker.acquire().unwrap_err();
    assert!(refused.retry_after <= Duration::from_secs(1) && refused.retry_after >= Duration::from_millis(400));
    assert!(breaker.check().is_err());

    advance(Duration::from_secs(1)).await;
    breaker.check().unwrap();
    let (one, two) = (breaker.acquire().unwrap(), breaker.acquire().unwrap());
    assert_eq!(breaker.state(), CircuitState::HalfOpen);
    assert!(breaker.acquire().is_err(), "two probes are enough");
    one.success();
    two.success();
    assert_eq!(breaker.state(), CircuitState::Closed);
    breaker.acquire().unwrap().success();
}

#[tokio::test(start_paused = true)]
async fn it_stays_open_longer_each_time_up_to_a_bound() {
    let breaker = breaker(CircuitBreakerConfig::default());
    fail(&breaker, 5);
    let mut longest = Duration::ZERO;
    for _ in 0..12 {
        let wait = breaker.acquire().unwrap_err().retry_after;
        assert!(wait <= Duration::from_secs(30));
        longest = longest.max(wait);
        advance(wait).await;
        breaker.acquire().unwrap().failure();
    }
    assert!(longest >= Duration::from_secs(15), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn cancelled_probe_is_given_back() {
    let breaker = breaker(CircuitBreakerConfig {
        half_open_probes: 1,
        ..CircuitBreakerConfig::default()
    });
    fail(&breaker, 5);
    advance(Duration::from_secs(2)).await;
    let hanging = breaker.call(std::future::pending::<Result<(), ()>>(), |()| true);
    assert!(tokio::time::timeout(Duration::from_secs(1), hanging).await.is_err());
    breaker.acquire().unwrap().success();
    assert_eq!(breaker.state(), CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn slow_calls_count_as_failed_and_errors_of_the_caller_do_not() {
    let breaker = breaker(CircuitBreakerConfig {
        slow_call_ms: 100,
        ..CircuitBreakerConfig::default()
    });
    for _ in 0..10 {
        let refused = breaker.call(async { Err::<(), _>("bad request") }, |_| false).await;
        assert!(matches!(refused, Err(CallError::Failed("bad request"))));
    }
    for _ in 0..5 {
        let slow = async {
            sleep(Duration::from_millis(101)).await;
            Ok::<_, ()>(7)
        };
        assert_eq!(breaker.call(slow, |()| true).await.unwrap(), 7);
    }
    let refused = breaker.call(async { Ok::<_, ()>(7) }, |()| true).await;
    assert!(matches!(refused, Err(CallError::Open(_))));
}

#[test]
fn settings_out_of_range_are_listed() {
    assert_eq!(CircuitBreakerConfig::default().problems(), [""; 0]);
    let bad = CircuitBreakerConfig {
        consecutive_failures: 0,
        failure_rate: f32::NAN,
        window: 0,
        open_ms: 2,
        max_open_ms: 1,
        half_open_probes: 0,
        slow_call_ms: 0,
    };
    let problems = bad.problems();
    let keys: Vec<&str> = problems
        .iter()
        .filter_map(|problem| problem.split(':').next())
        .collect();
    assert_eq!(
        keys,
        [
            "consecutive_failures",
            "window",
            "half_open_probes",
            "failure_rate",
            "open_ms"
        ]
    );
}

const OPEN: Duration = Duration::from_millis(100);

/// A config of small numbers, so that generated events reach every transition.
fn small() -> CircuitBreakerConfig {
    CircuitBreakerConfig {
        consecutive_failures: 3,
        failure_rate: 0.5,
        window: 6,
        half_open_probes: 2,
        open_ms: 100,
        max_open_ms: 800,
        ..CircuitBreakerConfig::default()
    }
}

#[test]
fn consecutive_failures_or_a_full_window_of_too_many_open_it() {
    use Outcome::{Cancelled, Failure, Success};
    for (outcomes, opened) in [
        (&[Failure, Failure, Success, Failure, Failure][..], None),
        (&[Failure, Failure, Cancelled, Failure], Some("calls in a row failed")),
        (&[Failure, Failure, Success, Failure, Success], None),
        (
            &[Failure, Failure, Success, Failure, Success, Success],
            Some("too many of the last calls failed"),
        ),
        (
            &[Failure, Success, Success, Failure, Success, Success, Failure, Success],
            None,
        ),
    ] {
        let (mut state, now) = (State::new(), Instant::now());
        let transitions = outcomes
            .iter()
            .map(|&outcome| state.finish(0, outcome, now, &small(), 1.0));
        let expected = opened.map(|reason| Transition::Opened { reason, open_for: OPEN });
        assert_eq!(transitions.last().flatten(), expected, "{outcomes:?}");
    }
}

/// An event of a circuit: time passes, a call begins, or one that is running ends.
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
        1 => (0..200_u64).prop_map(Event::Wait),
        3 => Just(Event::Begin),
        3 => (any::<prop::sample::Index>(), outcome).prop_map(|(which, outcome)| Event::End(which, outcome)),
    ]
}

proptest! {
    /// Concurrent calls begin and end in every order.
    #[test]
    fn its_promises_hold_in_every_order(events in prop::collection::vec(event(), 0..200)) {
        let (config, mut state, mut now) = (small(), State::new(), Instant::now());
        let mut running: Vec<u64> = Vec::new();
        for event in events {
            let (generation, times_opened) = (state.generation, state.times_opened);
            match event {
                Event::Wait(millis) => now += Duration::from_millis(millis),
                Event::Begin => {
                    let open_until = if let Phase::Open { until } = state.phase { until } else { now };
                    match state.admit(now, &config) {
                        Ok(_) => {
                            prop_assert!(now >= open_until, "no call is admitted before its time");
                            running.push(state.generation);
                        }
                        Err(wait) => {
                            prop_assert!(!matches!(state.phase, Phase::Closed(_)), "a closed circuit admits all");
                            prop_assert!(!wait.is_zero() && wait <= 8 * OPEN);
                        }
                    }
                }
                Event::End(which, outcome) if !running.is_empty() => {
                    let began_in = running.swap_remove(which.index(running.len()));
                    let transition = state.finish(began_in, outcome, now, &config, 1.0);
                    if began_in != generation {
                        prop_assert!(transition.is_none(), "a call of an earlier phase changes nothing");
                    }
                    prop_assert_eq!(transition.is_some(), state.generation != generation);
                }
                Event::End(..) => {}
            }
            match &state.phase {
                Phase::HalfOpen { in_flight, successes } => {
                    let probes = running.iter().filter(|began_in| **began_in == state.generation).count();
                    prop_assert_eq!(probes, *in_flight as usize, "every probe is counted, and given back");
                    prop_assert!(in_flight + successes <= config.half_open_probes);
                }
                Phase::Open { until } if state.generation != generation => {
                    prop_assert_eq!(*until, now + config.open_for(times_opened + 1), "longer each time");
                    prop_assert!(*until <= now + 8 * OPEN, "and bounded");
                }
                Phase::Open { .. } => {}
                Phase::Closed(window) => {
                    prop_assert!(window.consecutive_failures < config.consecutive_failures);
                    prop_assert!(state.generation == generation || state.times_opened == 0);
                }
            }
        }
    }
}
