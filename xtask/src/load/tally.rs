//! Counts of requests and their latencies, by kind. Requests due during the warm-up do not count.

use std::collections::BTreeMap;

use context_manager_client::Error;
use context_manager_client::wire::{BatchAnswer, SearchResponse, Written};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant};

use super::pace::Times;

/// Maximum latency that is told apart, in microseconds: two minutes, twice the duration of a call.
const MAX_MICROS: u64 = 120_000_000;
/// Significant digits of a latency.
const DIGITS: u8 = 3;

/// Kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Storing many contexts.
    Batch,
    /// Storing one context.
    Store,
    Search,
}

/// Counts of one response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Contexts that were stored, or found.
    pub(super) contexts: u64,
    /// Contexts that were stored before.
    pub(super) known: u64,
    /// Searches answered without a component of the server.
    pub(super) degraded: u64,
    /// Statuses, or words for the lack of one.
    pub(super) errors: Vec<String>,
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        let error = if let Some(status) = error.status() {
            status.to_string()
        } else if matches!(error, Error::Deadline { .. }) {
            "timeout".to_owned()
        } else if let Error::Unreachable { source, .. } = &error {
            let word = if source.is_connect() {
                "no connection"
            } else {
                "broken off"
            };
            word.to_owned()
        } else {
            error.to_string()
        };
        Self {
            errors: vec![error],
            ..Self::default()
        }
    }
}

impl From<SearchResponse> for Outcome {
    fn from(found: SearchResponse) -> Self {
        Self {
            contexts: found.contexts.len() as u64,
            degraded: u64::from(!found.degraded.is_empty()),
            ..Self::default()
        }
    }
}

impl From<Written> for Outcome {
    fn from(written: Written) -> Self {
        Self {
            contexts: 1,
            known: u64::from(written.is_deduplicated()),
            ..Self::default()
        }
    }
}

impl From<BatchAnswer> for Outcome {
    fn from(answer: BatchAnswer) -> Self {
        let mut all = Self::default();
        for item in answer.results {
            let Some(written) = item.context else {
                all.errors.push(format!("item {}", item.status));
                continue;
            };
            let one = Self::from(written);
            all.contexts += one.contexts;
            all.known += one.known;
        }
        all
    }
}

/// Counts of a phase.
#[derive(Debug)]
pub(super) struct Tally {
    /// End of the warm-up.
    since: Instant,
    /// End of the last response.
    until: Instant,
    kinds: BTreeMap<Kind, Figures>,
}

/// Counts of one kind.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// Microseconds from the time a request was due to the end of its response, without errors.
    pub(super) latency: Histogram<u64>,
    /// Microseconds from the time a request was due to its start.
    pub(super) lateness: Histogram<u64>,
    /// With and without errors.
    pub(super) requests: u64,
    pub(super) contexts: u64,
    pub(super) known: u64,
    pub(super) degraded: u64,
    pub(super) errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts requests that are due from `since` on.
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            until: since,
            kinds: BTreeMap::new(),
        }
    }

    pub(super) fn record(&mut self, kind: Kind, times: Times, outcome: Outcome) {
        if times.due < self.since {
            return;
        }
        self.until = self.until.max(times.ended);
        let figures = self.kinds.entry(kind).or_default();
        figures.requests += 1;
        figures.contexts += outcome.contexts;
        figures.known += outcome.known;
        figures.degraded += outcome.degraded;
        figures.lateness.saturating_record(micros(times.started - times.due));
        if outcome.errors.is_empty() {
            figures.latency.saturating_record(micros(times.ended - times.due));
        }
        for error in outcome.errors {
            *figures.errors.entry(error).or_default() += 1;
        }
    }

    /// Returns the duration of the phase.
    pub(super) fn took(&self) -> Duration {
        self.until - self.since
    }

    /// Returns the counts of each kind, and of all together where there are several.
    pub(super) fn figures(&self) -> Vec<(Option<Kind>, Figures)> {
        let kinds = self.kinds.iter().map(|(kind, figures)| (Some(*kind), figures.clone()));
        let mut all: Vec<_> = kinds.collect();
        if all.len() > 1 {
            let mut total = Figures::default();
            self.kinds.values().for_each(|figures| total.add(figures));
            all.push((None, total));
        }
        all
    }
}

impl Figures {
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
        let histogram = Histogram::new_with_bounds(1, MAX_MICROS, DIGITS).expect("the bounds and digits are in range");
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

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn times(start: Instant, due: u64, started: u64, ended: u64) -> Times {
        let [due, started, ended] = [due, started, ended].map(|ms| start + Duration::from_millis(ms));
        Times { due, started, ended }
    }

    fn failed(error: &str) -> Outcome {
        Outcome {
            errors: vec![error.to_owned()],
            ..Outcome::default()
        }
    }

    #[test]
    fn items_of_a_batch_are_counted_one_by_one() {
        let item = |status: u16, embedding: &str, known: bool| {
            let context = json!({
                "id": uuid(status), "level": "long_term", "created_at": "2026-01-01T00:00:00Z",
                "updated_at": "2026-01-01T00:00:00Z", "embedding_status": embedding, "deduplicated": known,
            });
            json!({"status": status, "context": context})
        };
        let results = json!({"results": [
            item(201, "ready", false), item(200, "ready", true), item(201, "pending", false), {"status": 503},
        ]});
        let answer: BatchAnswer = serde_json::from_value(results).unwrap();
        let expected = Outcome {
            contexts: 3,
            known: 1,
            degraded: 0,
            errors: vec!["item 503".to_owned()],
        };
        assert_eq!(Outcome::from(answer), expected);
    }

    fn uuid(number: u16) -> String {
        format!("00000000-0000-7000-8000-{number:012}")
    }

    #[test]
    fn the_warm_up_ends_by_the_time_a_request_was_due() {
        let start = Instant::now();
        let mut tally = Tally::new(start + Duration::from_millis(100));
        tally.record(Kind::Search, times(start, 99, 150, 900), Outcome::default());
        tally.record(Kind::Search, times(start, 100, 110, 300), Outcome::default());
        let figures = tally.figures();
        assert_eq!((figures.len(), figures[0].1.requests), (1, 1));
        assert_eq!(tally.took(), Duration::from_millis(200));
        assert!((200_000..200_200).contains(&figures[0].1.latency.max()));
        assert!((10_000..10_020).contains(&figures[0].1.lateness.max()));
    }

    #[test]
    fn kinds_are_counted_apart_and_together_and_errors_have_no_latency() {
        let start = Instant::now();
        let mut tally = Tally::new(start);
        tally.record(Kind::Store, times(start, 0, 0, 4), Outcome::default());
        for error in ["503", "timeout", "503"] {
            tally.record(Kind::Search, times(start, 0, 0, 2), failed(error));
        }
        let figures = tally.figures();
        let kinds: Vec<_> = figures.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Some(Kind::Store), Some(Kind::Search), None]);
        let all = &figures[2].1;
        assert_eq!(
            (
                all.requests,
                all.latency.len(),
                all.errors["503"],
                all.errors["timeout"]
            ),
            (4, 1, 2, 1)
        );
    }
}
