use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

use super::*;

fn count(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn rate(per_sec: u32, burst: u32) -> Rate {
    Rate {
        per_sec: count(per_sec),
        burst: count(burst),
    }
}

fn limiter(rate: Rate, max_callers: usize) -> (RateLimiter<u8, FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (RateLimiter::with_clock(rate, max_callers, clock.clone()), clock)
}

/// A model of the limiter: a bucket of time, from which each call takes the time to regain its cost.
struct Bucket {
    credit: u64,
    interval: u64,
    burst: u64,
}

impl Bucket {
    fn new(rate: Rate) -> Self {
        let (interval, burst) = (
            1_000_000_000 / u64::from(rate.per_sec.get()),
            u64::from(rate.burst.get()),
        );
        Self {
            credit: interval * burst,
            interval,
            burst,
        }
    }

    fn wait(&mut self, nanos: u64) {
        self.credit = (self.credit + nanos).min(self.interval * self.burst);
    }

    fn take(&mut self, cost: u64) -> bool {
        let price = self.interval * cost.min(self.burst);
        let enough = self.credit >= price;
        if enough {
            self.credit -= price;
        }
        enough
    }
}

#[derive(Debug, Clone)]
struct Step {
    wait_ms: u32,
    caller: u8,
    cost: u32,
    forget: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_u32..400, 0_u8..3, 1_u32..12, any::<bool>());
    let step = step.prop_map(|(wait_ms, caller, cost, forget)| Step {
        wait_ms: wait_ms.saturating_sub(200),
        caller,
        cost,
        forget,
    });
    prop::collection::vec(step, 1..120)
}

/// Rates whose interval is a whole number of nanoseconds, so that the model is exact.
fn rates() -> impl Strategy<Value = Rate> {
    (prop::sample::select(vec![1_u32, 2, 5, 10, 40, 100]), 1_u32..20).prop_map(|(per_sec, burst)| rate(per_sec, burst))
}

proptest! {
    #[test]
    fn each_caller_has_its_own_bucket_even_when_idle_ones_are_forgotten(rate in rates(), steps in steps()) {
        let (limiter, clock) = limiter(rate, 100);
        let mut buckets: Vec<Bucket> = (0..3).map(|_| Bucket::new(rate)).collect();
        for step in steps {
            clock.advance(Duration::from_millis(step.wait_ms.into()));
            for bucket in &mut buckets {
                bucket.wait(u64::from(step.wait_ms) * 1_000_000);
            }
            if step.forget {
                limiter.forget_idle();
            }
            let bucket = &mut buckets[usize::from(step.caller)];
            let answer = limiter.check(&step.caller, count(step.cost));
            prop_assert_eq!(answer.is_ok(), bucket.take(step.cost.into()));
            if let Ok(allowance) = answer {
                prop_assert_eq!(u64::from(allowance.remaining), bucket.credit / bucket.interval);
            }
        }
    }

    #[test]
    fn a_call_is_admitted_after_retry_after_and_not_earlier(rate in rates(), cost in 1_u32..20, spent in 0_u32..20) {
        let (limiter, clock) = limiter(rate, 100);
        for _ in 0..spent {
            let _refused_or_not = limiter.check(&1, count(1));
        }
        if let Err(refused) = limiter.check(&1, count(cost)) {
            clock.advance(refused.retry_after.saturating_sub(Duration::from_nanos(1)));
            prop_assert!(limiter.check(&1, count(cost)).is_err());
            clock.advance(Duration::from_nanos(1));
            prop_assert!(limiter.check(&1, count(cost)).is_ok());
        }
    }
}

#[test]
fn a_call_that_costs_more_than_the_burst_takes_all_of_it() {
    let (limiter, clock) = limiter(rate(10, 5), 10);
    assert_eq!(limiter.check(&1, count(1000)).unwrap().remaining, 0);
    let refused = limiter.check(&1, count(1000)).unwrap_err();
    assert_eq!(refused.retry_after, Duration::from_millis(500));
    clock.advance(refused.retry_after);
    assert!(limiter.check(&1, count(1000)).is_ok());
}

#[test]
fn an_allowance_tells_when_it_is_full_again() {
    let (limiter, _) = limiter(rate(10, 5), 10);
    let allowance = limiter.check(&1, count(2)).unwrap();
    assert_eq!(
        (allowance.remaining, allowance.whole_after()),
        (3, Duration::from_millis(200))
    );
    assert_eq!(allowance.rate.window(), Duration::from_millis(500));
}

#[test]
fn idle_callers_are_forgotten_and_busy_ones_kept() {
    let (limiter, clock) = limiter(rate(1, 2), 100);
    for caller in 0..50 {
        assert!(limiter.check(&caller, count(1)).is_ok());
    }
    clock.advance(Duration::from_secs(3));
    assert!(limiter.check(&7, count(2)).is_ok());
    limiter.forget_idle();
    assert_eq!(limiter.callers(), 1);
    assert!(limiter.check(&7, count(1)).is_err(), "what was spent is remembered");
}

#[test]
fn beyond_the_maximum_new_callers_share_one_allowance() {
    let (limiter, _) = limiter(rate(1, 2), 2);
    assert!(limiter.check(&0, count(1)).is_ok());
    assert!(limiter.check(&1, count(1)).is_ok());
    assert!(limiter.check(&2, count(1)).is_ok());
    assert!(limiter.check(&3, count(1)).is_ok());
    assert!(limiter.check(&4, count(1)).is_err(), "the shared two are spent");
    assert!(limiter.check(&0, count(1)).is_ok());
    assert_eq!(limiter.callers(), 2);
}
