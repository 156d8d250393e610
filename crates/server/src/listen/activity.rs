//! Activity of a connection, and timeouts of its client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Timeouts of a client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// From a request's first byte to the end of its headers; from connecting to the first request.
    pub(super) header: Duration,
    /// From one request's end to the next one's beginning.
    pub(super) idle: Duration,
}

/// Activity of a connection. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    phase: Phase,
    in_flight: usize,
    /// True if arriving bytes need not be a request: HTTP/2 has frames of its own.
    http2: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// No request was ever begun and finished.
    New(Instant),
    /// Between two requests.
    Idle(Instant),
    /// A request has begun to arrive.
    Head(Instant),
    /// Requests are being answered.
    Busy,
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct InFlight(Activity);

/// Reason for ending a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Its client does not finish the headers of a request.
    Head,
    /// Its client sends no more requests.
    Idle,
}

impl Activity {
    /// Activity of a new connection.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            phase: Phase::New(Instant::now()),
            in_flight: 0,
            http2: false,
        })))
    }

    /// Notes that bytes arrived.
    pub(super) fn received(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Idle(_)) && !state.http2 {
            state.phase = Phase::Head(Instant::now());
        }
    }

    /// Notes that the headers of a request arrived.
    pub(super) fn request(&self, http2: bool) -> InFlight {
        let mut state = self.lock();
        state.http2 = http2;
        state.in_flight += 1;
        state.phase = Phase::Busy;
        InFlight(self.clone())
    }

    /// Returns whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.lock().phase, Phase::Busy)
    }

    /// Returns the timeout that the client has exceeded, if any.
    pub(super) fn overdue(&self, timeouts: Timeouts) -> Option<Overdue> {
        let (since, limit, overdue) = match self.lock().phase {
            Phase::New(since) | Phase::Head(since) => (since, timeouts.header, Overdue::Head),
            Phase::Idle(since) => (since, timeouts.idle, Overdue::Idle),
            Phase::Busy => return None,
        };
        (since.elapsed() >= limit).then_some(overdue)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment after another that cannot panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.phase = Phase::Idle(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        header: Duration::from_secs(10),
        idle: Duration::from_secs(75),
    };

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_finishes_its_first_request_is_overdue() {
        let activity = Activity::new();
        for _ in 0..9 {
            advance(Duration::from_secs(1)).await;
            activity.received();
        }
        assert_eq!(activity.overdue(TIMEOUTS), None);
        advance(Duration::from_secs(1)).await;
        assert_eq!(activity.overdue(TIMEOUTS), Some(Overdue::Head));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_take_its_time_and_idling_a_little() {
        let activity = Activity::new();
        let (one, two) = (activity.request(false), activity.request(false));
        advance(Duration::from_hours(1)).await;
        drop(one);
        assert_eq!(activity.overdue(TIMEOUTS), None);
        drop(two);
        advance(Duration::from_secs(74)).await;
        assert_eq!(activity.overdue(TIMEOUTS), None);
        advance(Duration::from_secs(1)).await;
        assert_eq!(activity.overdue(TIMEOUTS), Some(Overdue::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_request_must_not_dawdle_either_but_frames_of_http2_are_no_request() {
        let (first, second) = (Activity::new(), Activity::new());
        drop((first.request(false), second.request(true)));
        advance(Duration::from_secs(1)).await;
        first.received();
        second.received();
        advance(Duration::from_secs(10)).await;
        assert_eq!(first.overdue(TIMEOUTS), Some(Overdue::Head));
        assert_eq!(second.overdue(TIMEOUTS), None);
    }
}
