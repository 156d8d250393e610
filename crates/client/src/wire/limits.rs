//! Use of the server's limits.

use serde::{Deserialize, Serialize};

/// Use of the server's limits since it started.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Every rate limit that is set.
    pub rates: Vec<RateLimitUse>,
    /// Requests by class: `api`, `admin`, `operations`.
    pub requests: Vec<LaneUse>,
    /// Connections.
    pub connections: ConnectionUse,
}

/// Use of a rate limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RateLimitUse {
    /// Name, as in the header `RateLimit`.
    pub name: String,
    /// Number of callers counted at the moment.
    pub callers: usize,
    /// Number of calls that passed.
    pub passed: u64,
    /// Number of calls that were refused.
    pub refused: u64,
}

/// Use of a request class.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LaneUse {
    /// Name of the class.
    pub lane: String,
    /// Number of requests being served.
    pub in_flight: usize,
    /// Number of requests in the queue.
    pub waiting: usize,
    /// Number of requests answered 503 as the queue was full.
    pub shed: u64,
}

/// Use of connections.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConnectionUse {
    /// Number of open connections.
    pub open: usize,
    /// Number of refused connections.
    pub refused: u64,
}
