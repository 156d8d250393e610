//! Counts requests and their latencies, each kind for itself. What was due during the warm-up does not count.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use tokio::time::{Duration, Instant};

use super::pace::Times;
use super::request::{Kind, Verdict};

/// The longest latency that is told apart, in microseconds: two minutes, twice what a call may take.
const LONGEST: u64 = 120_000_000;
/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// All that was counted in a phase.
#[derive(Debug)]
pub(super) struct Tally {
    /// The end of the warm-up.
    since: Instant,
    /// The end of the last answer.
    until: Instant,
    kinds: BTreeMap<Kind, Figures>,
}

/// What was counted of one kind.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// From when a request was due to the end of its answer, of those without an error; microseconds.
    pub(super) latency: Histogram<u64>,
    /// From when a request was due to when it started; microseconds.
    pub(super) lateness: Histogram<u64>,
    /// With or without an error.
    pub(super) requests: u64,
    pub(super) contexts: u64,
    pub(super) known: u64,
    pub(super) degraded: u64,
    pub(super) errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts what is due from `since` on.
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            until: since,
            kinds: BTreeMap::new(),
        }
    }

    /// Counts one request.
    pub(super) fn record(&mut self, kind: Kind, times: Times, verdict: Verdict) {
        if times.due < self.since {
            return;
        }
        self.until = self.until.max(times.ended);
        self.kinds.entry(kind).or_default().record(times, verdict);
    }

    /// How long all of it took.
    pub(super) fn took(&self) -> Duration {
        self.until - self.since
    }

    /// What was counted of each kind, and of all together where there are several.
    pub(super) fn figures(&self) -> Vec<(Option<Kind>, Figures)> {
        let mut all: Vec<_> = self
            .kinds
            .iter()
            .map(|(kind, figures)| (Some(*kind), figures.clone()))
            .collect();
        if all.len() > 1 {
            let mut total = Figures::default();
            for figures in self.kinds.values() {
                total.add(figures);
            }
            all.push((None, total));
        }
        all
    }
}

impl Figures {
    fn record(&mut self, times: Times, verdict: Verdict) {
        self.requests += 1;
        self.contexts += verdict.contexts;
        self.known += verdict.known;
        self.degraded += verdict.degraded;
        self.lateness.saturating_record(microseconds(times.started - times.due));
        if verdict.errors.is_empty() {
            self.latency.saturating_record(microseconds(times.ended - times.due));
        }
        for error in verdict.errors {
            *self.errors.entry(error).or_default() += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        self.latency += &other.latency;
        self.lateness += &other.lateness;
        self.requests += other.requests;
        self.contexts += other.contexts;
        self.known += other.known;
        self.degraded += other.degraded;
        for (error, count) in &other.errors {
            *self.errors.entry(error.clone()).or_default() += count;
        }
    }
}

impl Default for Figures {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("the bounds and digits are in range");
        Self {
            latency: histogram.clone(),
            lateness: histogram,
            requests: 0,
            contexts: 0,
            known: 0,
            degraded: 0,
            errors: BTreeMap::new(),
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(start: Instant, due: u64, started: u64, ended: u64) -> Times {
        let [due, started, ended] = [due, started, ended].map(|ms| start + Duration::from_millis(ms));
        Times { due, started, ended }
    }

    fn failed(error: &str) -> Verdict {
        Verdict {
            errors: vec![error.to_owned()],
            ..Verdict::default()
        }
    }

    #[test]
    fn warm_up_is_left_out_by_the_time_a_request_was_due() {
        let start = Instant::now();
        let mut tally = Tally::new(start + Duration::from_millis(100));
        tally.record(Kind::Search, times(start, 99, 150, 900), Verdict::default());
        tally.record(Kind::Search, times(start, 100, 110, 300), Verdict::default());
        let figures = tally.figures();
        assert_eq!((figures.len(), figures[0].1.requests), (1, 1));
        assert_eq!(tally.took(), Duration::from_millis(200));
        // Three digits: 200 ms is told from 201 ms, not from 200.05 ms.
        assert!((200_000..200_200).contains(&figures[0].1.latency.max()));
        assert!((10_000..10_020).contains(&figures[0].1.lateness.max()));
    }

    #[test]
    fn errors_are_counted_by_what_they_are_and_have_no_latency() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        for error in ["503", "timeout", "503"] {
            tally.record(Kind::Store, times(start, 0, 0, 1), failed(error));
        }
        let (_, figures) = tally.figures().remove(0);
        assert_eq!((figures.requests, figures.latency.len()), (3, 0));
        assert_eq!((figures.errors["503"], figures.errors["timeout"]), (2, 1));
    }

    #[test]
    fn several_kinds_are_shown_apart_and_together() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        tally.record(Kind::Store, times(start, 0, 0, 4), Verdict::default());
        tally.record(Kind::Search, times(start, 0, 0, 2), failed("503"));
        let figures = tally.figures();
        let kinds: Vec<_> = figures.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Some(Kind::Store), Some(Kind::Search), None]);
        assert_eq!((figures[2].1.requests, figures[2].1.latency.len()), (2, 1));
        assert_eq!(figures[2].1.errors["503"], 1);
    }
}
