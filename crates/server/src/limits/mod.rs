//! Limits that keep one caller from getting in the way of others: rates, request classes, quotas.

mod quotas;
mod rates;
mod request_class;

use std::time::Duration;

use crate::config::Config;

pub(crate) use quotas::{NoRoom, Quotas, Reservation};
pub(crate) use rates::{CallKind, CallerKey, RateLimitShare, Rates, Refusal};
pub(crate) use request_class::{REQUESTS_SHED, RequestClass, RequestClasses, RequestPermit};

/// Interval of forgetting idle callers.
pub(crate) const UPKEEP: Duration = Duration::from_secs(10);

/// All limits of the server.
#[derive(Debug)]
pub(crate) struct Guards {
    pub(crate) rates: Rates,
    pub(crate) classes: RequestClasses,
    pub(crate) quotas: Quotas,
}

impl Guards {
    /// Creates the configured limits.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            rates: Rates::new(&config.rate_limits),
            classes: RequestClasses::new(&config.server.requests),
            quotas: Quotas::new(config.quotas),
        }
    }
}

/// Describes this module's metrics to the installed recorder.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(rates::RATE_LIMITED, "Calls refused because a rate limit was exceeded");
    metrics::describe_counter!(REQUESTS_SHED, "Requests answered 503 because too much was under way");
    metrics::describe_counter!(
        quotas::QUOTA_EXCEEDED,
        "Contexts not stored because a tenant's quota is used up"
    );
}
