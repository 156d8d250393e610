//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Gauge of the status of a component, 0 healthy, 1 degraded, 2 unhealthy; label `component`.
pub const HEALTH_STATUS: &str = "context_manager_health_status";
/// Histogram of the duration of a health check; label `component`.
pub const HEALTH_CHECK_DURATION: &str = "context_manager_health_check_duration_seconds";
/// Counter of health reports; label `from`.
pub const HEALTH_ANSWERS: &str = "context_manager_health_answers_total";
/// Counter of restarts of background loops that panicked or ended; label `loop`.
pub const LOOP_RESTARTS: &str = "context_manager_loop_restarts_total";
/// Counter of log lines suppressed by the limit per callsite.
pub const LOG_LINES_SUPPRESSED: &str = "context_manager_log_lines_suppressed_total";

/// Registers the descriptions with the installed recorder.
pub fn describe() {
    describe_gauge!(
        HEALTH_STATUS,
        "Status of a component, by `component`: 0 healthy, 1 degraded, 2 unhealthy"
    );
    describe_histogram!(
        HEALTH_CHECK_DURATION,
        Unit::Seconds,
        "Duration of one health check, by `component`"
    );
    describe_counter!(
        HEALTH_ANSWERS,
        Unit::Count,
        "Health reports served, by where the result came `from`: cache, check"
    );
    describe_counter!(
        LOOP_RESTARTS,
        Unit::Count,
        "Restarts of background loops that panicked or ended, by `loop`"
    );
    describe_counter!(
        LOG_LINES_SUPPRESSED,
        Unit::Count,
        "Log lines suppressed because their callsite exceeded its limit"
    );
}
