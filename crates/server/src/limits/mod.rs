//! What keeps one caller from getting in the way of others: rates, turns, quotas, connections.

mod headers;
mod lanes;
mod quotas;
mod rates;

use std::time::Duration;

use crate::config::Config;
use crate::http::{Bodies, Forwarding};
use crate::listen::Places;

pub(crate) use headers::{limited, with_headers};
pub(crate) use lanes::{Lanes, admit, current_turn};
pub(crate) use quotas::{Quotas, Reservation};
pub(crate) use rates::{CallKind, CallerKey, Rates, Standing, limit_address};

/// How often callers that are idle are forgotten.
pub(crate) const UPKEEP: Duration = Duration::from_secs(10);

/// Everything that keeps callers apart. One for the server.
#[derive(Debug)]
pub struct Guards {
    pub(crate) forwarding: Forwarding,
    pub(crate) rates: Rates,
    pub(crate) lanes: Lanes,
    pub(crate) bodies: Bodies,
    pub(crate) quotas: Quotas,
    pub(crate) places: Places,
}

impl Guards {
    /// As the configuration says.
    pub fn new(config: &Config) -> Self {
        let server = &config.server;
        Self {
            forwarding: Forwarding {
                proxies: server.trusted_proxies.clone(),
                header: server.forwarded_header,
            },
            rates: Rates::new(&config.rate_limits),
            lanes: Lanes::new(&server.requests),
            bodies: Bodies::new(
                server.max_body_bytes,
                server.requests.max_buffered_bytes,
                Duration::from_millis(server.connections.body_idle_timeout_ms),
            ),
            quotas: Quotas::new(config.quotas),
            places: Places::new(&server.connections, server.trusted_proxies.clone()),
        }
    }
}

/// Describes this module's metrics to the recorder that is installed.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(rates::RATE_LIMITED, "Calls refused because a rate limit was exceeded");
    metrics::describe_counter!(
        crate::http::REQUESTS_SHED,
        "Requests answered 503 because too much was under way"
    );
    metrics::describe_counter!(
        quotas::QUOTA_EXCEEDED,
        "Contexts not stored because a tenant's quota is used up"
    );
}
