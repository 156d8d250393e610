//! Time limit of a request: the server's, or a shorter one that the client asks for.

use std::time::Duration;

use axum::http::HeaderMap;
use context_manager_core::Violations;
use context_manager_resilience::Deadline;
use tokio::time::Instant;

use super::problem::{Code, Problem};

const HEADER: &str = "x-request-timeout-ms";
/// Time that is kept for writing an answer: a tenth of all, but no more than this.
const LONGEST_MARGIN: Duration = Duration::from_millis(100);

/// Time limit of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeLimit {
    start: Instant,
    limit: Duration,
    longest: Duration,
}

impl TimeLimit {
    /// Starts the time of a request with these headers. The client can shorten the time, not lengthen it.
    ///
    /// # Errors
    /// The header does not hold a time.
    pub(crate) fn start(headers: &HeaderMap, longest: Duration) -> Result<Self, Problem> {
        let limit = match headers.get(HEADER) {
            None => longest,
            Some(value) => match value.to_str().unwrap_or_default().parse::<u64>() {
                Ok(millis) if millis > 0 => longest.min(Duration::from_millis(millis)),
                _ => {
                    return Err(Problem::new(Code::InvalidRequest)
                        .with_detail("the header X-Request-Timeout-Ms must be a whole number of at least 1"));
                }
            },
        };
        let start = Instant::now();
        Ok(Self { start, limit, longest })
    }

    /// Returns the moment at which the request is cut off.
    pub(crate) fn deadline(self) -> Deadline {
        Deadline::after(self.limit)
    }

    /// Returns the moment by which a search answers with what it has: in time for the limit, or after `deadline_ms` if the
    /// client asks for less.
    pub(crate) fn answer_by(self, deadline_ms: Option<u64>, found: &mut Violations) -> Option<Instant> {
        let mut time = (self.limit * 9 / 10).max(self.limit.saturating_sub(LONGEST_MARGIN));
        if let Some(millis) = deadline_ms {
            let longest = u64::try_from(self.longest.as_millis()).unwrap_or(u64::MAX);
            found.in_range("/deadline_ms", &millis, &(1..=longest));
            time = time.min(Duration::from_millis(millis));
        }
        self.start.checked_add(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_shortest_wish_decides() {
        let longest = Duration::from_secs(30);
        let answer_by = |header: Option<&str>, deadline_ms| {
            let headers = header.map(|value| (HEADER.parse().unwrap(), value.parse().unwrap()));
            let time = TimeLimit::start(&headers.into_iter().collect(), longest).unwrap();
            let mut found = Violations::default();
            let by = time.answer_by(deadline_ms, &mut found).unwrap();
            found.into_result().is_ok().then(|| (by - Instant::now()).as_millis())
        };
        for (header, deadline_ms, expected) in [
            (None, None, Some(29_900)),
            (Some("100"), None, Some(90)),
            (Some("60000"), None, Some(29_900)),
            (None, Some(50), Some(50)),
            (Some("100"), Some(50), Some(50)),
            (Some("100"), Some(2000), Some(90)),
            (None, Some(30_000), Some(29_900)),
            (None, Some(30_001), None),
            (None, Some(0), None),
        ] {
            assert_eq!(answer_by(header, deadline_ms), expected, "{header:?} {deadline_ms:?}");
        }
    }
}
