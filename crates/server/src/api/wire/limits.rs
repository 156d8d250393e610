//! How the server's limits are used.

use serde::Serialize;
use utoipa::ToSchema;

use crate::limits::Guards;

/// How the server's limits are used, since it started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Limits)]
pub(in crate::api) struct LimitsBody {
    /// Every rate limit that is set.
    rates: Vec<RateBody>,
    /// Requests, by the lane they are in: `api`, `admin`, `operations`.
    requests: Vec<LaneBody>,
    connections: ConnectionsBody,
}

/// One rate limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RateLimitUse)]
struct RateBody {
    /// As in the header `RateLimit`.
    name: &'static str,
    /// Callers that are told apart now.
    callers: usize,
    passed: u64,
    refused: u64,
}

/// One lane.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LaneUse)]
struct LaneBody {
    lane: &'static str,
    in_flight: usize,
    waiting: usize,
    /// Answered 503, as too many were under way.
    shed: u64,
}

/// Connections.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionUse)]
struct ConnectionsBody {
    open: usize,
    refused: u64,
}

impl From<&Guards> for LimitsBody {
    fn from(guards: &Guards) -> Self {
        let rates = guards.rates.used().into_iter().map(|limit| RateBody {
            name: limit.name,
            callers: limit.callers,
            passed: limit.passed,
            refused: limit.refused,
        });
        let requests = guards.lanes.used().into_iter().map(|lane| LaneBody {
            lane: lane.name,
            in_flight: lane.in_flight,
            waiting: lane.waiting,
            shed: lane.shed,
        });
        let places = guards.places.used();
        Self {
            rates: rates.collect(),
            requests: requests.collect(),
            connections: ConnectionsBody {
                open: places.open,
                refused: places.refused,
            },
        }
    }
}
