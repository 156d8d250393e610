use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

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
async fn an_open_circuit_refuses_until_probes_succeed() {
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
async fn a_probe_that_nobody_waits_for_gives_its_place_back() {
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
async fn slow_calls_count_as_failed_and_faults_of_the_caller_do_not() {
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
fn threads_agree_on_how_many_probes_there_are() {
    let breaker = Arc::new(breaker(CircuitBreakerConfig {
        half_open_probes: 3,
        open_ms: 1,
        max_open_ms: 1,
        ..CircuitBreakerConfig::default()
    }));
    for _ in 0..200 {
        fail(&breaker, 5);
        while breaker.check().is_err() {
            std::thread::yield_now();
        }
        let (admitted, gate) = (AtomicUsize::new(0), std::sync::Barrier::new(4));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    gate.wait();
                    let permits: Vec<_> = (0..3).filter_map(|_| breaker.acquire().ok()).collect();
                    admitted.fetch_add(permits.len(), Ordering::Relaxed);
                    gate.wait();
                    permits.into_iter().for_each(CallPermit::success);
                });
            }
        });
        assert_eq!(admitted.into_inner(), 3);
        assert_eq!(breaker.state(), CircuitState::Closed);
    }
}

#[test]
fn settings_out_of_range_are_named() {
    assert_eq!(CircuitBreakerConfig::default().problems(), [""; 0]);
    let bad = CircuitBreakerConfig {
        consecutive_failures: 33,
        failure_rate: f32::NAN,
        window: 0,
        open_ms: 2,
        max_open_ms: 1,
        half_open_probes: 256,
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
