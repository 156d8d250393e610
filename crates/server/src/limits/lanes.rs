//! How many requests are worked on at once. Health and metrics, administration, and everything else each have a lane:
//! where one is full, the others still move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use context_manager_resilience::{Bulkhead, Cause, Deadline, Limits, Overloaded, Permit};
use tokio::sync::OwnedSemaphorePermit;

use super::Guards;
use crate::config::RequestsConfig;
use crate::http::{Code, Problem, REQUESTS_SHED};

/// When to come back after being turned away.
const RETRY_AFTER: Duration = Duration::from_secs(1);

tokio::task_local! {
    static TURN: Arc<Turn>;
}

/// A request's turn, and the memory of its body. The next one moves up when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: Permit,
    _memory: Option<OwnedSemaphorePermit>,
}

/// The turn of the request that is being answered. Work that goes on when its client has gone holds on to it, or a client
/// could start any amount of work by going away again and again.
pub(crate) fn current_turn() -> Option<Arc<Turn>> {
    TURN.try_with(Arc::clone).ok()
}

/// The lanes.
#[derive(Debug)]
pub(crate) struct Lanes {
    api: Lane,
    admin: Lane,
    operations: Lane,
    max_wait: Duration,
}

#[derive(Debug)]
struct Lane {
    bulkhead: Bulkhead,
    shed: AtomicU64,
}

/// How a lane is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneUse {
    pub(crate) name: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) waiting: usize,
    pub(crate) shed: u64,
}

impl Lane {
    fn new(name: &'static str, max_concurrent: usize, max_waiting: usize) -> Self {
        let limits = Limits {
            max_concurrent,
            max_waiting,
            retry_after: RETRY_AFTER,
        };
        Self {
            bulkhead: Bulkhead::new(name, limits),
            shed: AtomicU64::new(0),
        }
    }

    fn shed(&self, overloaded: Overloaded) -> Problem {
        self.shed.fetch_add(1, Ordering::Relaxed);
        metrics::counter!(REQUESTS_SHED, "lane" => overloaded.name).increment(1);
        let detail = match overloaded.cause {
            Cause::LineFull => "as many requests are under way as the server takes; try again later",
            Cause::DeadlinePassed => "the request's turn did not come in time; try again later",
            Cause::Closed => "the server is stopping",
        };
        Problem::new(Code::ServiceUnavailable)
            .with_detail(detail)
            .with_retry_after(overloaded.retry_after)
    }

    fn used(&self, name: &'static str) -> LaneUse {
        LaneUse {
            name,
            in_flight: self.bulkhead.in_flight(),
            waiting: self.bulkhead.waiting(),
            shed: self.shed.load(Ordering::Relaxed),
        }
    }
}

impl Lanes {
    pub(super) fn new(config: &RequestsConfig) -> Self {
        let operations = config.max_concurrent_operations;
        Self {
            api: Lane::new("api", config.max_concurrent, config.max_waiting),
            admin: Lane::new("admin", config.max_concurrent_admin, config.max_concurrent_admin),
            operations: Lane::new("operations", operations, operations),
            max_wait: Duration::from_millis(config.max_wait_ms),
        }
    }

    fn of(&self, path: &str) -> &Lane {
        if path.starts_with("/api/v1/admin/") {
            &self.admin
        } else if is_operations(path) {
            &self.operations
        } else {
            &self.api
        }
    }

    /// How each lane is used.
    pub(crate) fn used(&self) -> [LaneUse; 3] {
        [
            self.api.used("api"),
            self.admin.used("admin"),
            self.operations.used("operations"),
        ]
    }
}

/// Whether this is asked by those who keep the server running: health and metrics.
pub(super) fn is_operations(path: &str) -> bool {
    path == "/metrics" || path == "/health" || path.starts_with("/health/")
}

/// Reads the body, waits for the request's turn, and answers it; turns it away where that cannot be done in time.
pub(crate) async fn admit(State(guards): State<Arc<Guards>>, request: Request, next: Next) -> Response {
    match turn(&guards, request).await {
        Ok((request, turn)) => TURN.scope(turn, next.run(request)).await,
        Err(problem) => problem.into_response(),
    }
}

async fn turn(guards: &Guards, request: Request) -> Result<(Request, Arc<Turn>), Problem> {
    let lane = guards.lanes.of(request.uri().path());
    // Before the body is read, so that being turned away costs next to nothing.
    lane.bulkhead.check().map_err(|overloaded| lane.shed(overloaded))?;
    // Before the turn begins, so that a client that sends slowly takes nobody's place.
    let mut received = guards.bodies.receive(request).await?;
    let deadline = Deadline::after(guards.lanes.max_wait);
    let permit = lane.bulkhead.acquire_by(deadline).await;
    let permit = permit.map_err(|overloaded| lane.shed(overloaded))?;
    guards.bodies.decompress(&mut received).await?;
    let turn = Turn {
        _permit: permit,
        _memory: received.memory,
    };
    Ok((received.request, Arc::new(turn)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_have_lanes_of_their_own() {
        let lanes = Lanes::new(&RequestsConfig::default());
        let is = |path: &str, lane: &Lane| std::ptr::eq(lanes.of(path), lane);
        assert!(is("/health/live", &lanes.operations) && is("/metrics", &lanes.operations));
        assert!(is("/api/v1/admin/reembed", &lanes.admin));
        assert!(is("/api/v1/contexts", &lanes.api) && is("/mcp", &lanes.api));
    }
}
