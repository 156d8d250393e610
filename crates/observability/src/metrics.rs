//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Gauge of how a part of the server is, 0 healthy, 1 degraded, 2 unhealthy; label `component`.
pub const HEALTH_STATUS: &str = "context_manager_health_status";
/// Histogram of the time a check of a part takes; label `component`.
pub const HEALTH_CHECK_DURATION: &str = "context_manager_health_check_duration_seconds";
/// Counter of answers about health; label `from`.
pub const HEALTH_ANSWERS: &str = "context_manager_health_answers_total";
/// Counter of background loops that ended before their time and were started again; label `loop`.
pub const LOOP_RESTARTS: &str = "context_manager_loop_restarts_total";
/// Counter of log lines that were left out because too many like them came.
pub const LOG_LINES_SUPPRESSED: &str = "context_manager_log_lines_suppressed_total";

/// Registers the descriptions with the recorder that is installed.
pub fn describe() {
    describe_gauge!(
        HEALTH_STATUS,
        "How a part of the server is, by `component`: 0 healthy, 1 degraded, 2 unhealthy"
    );
    describe_histogram!(
        HEALTH_CHECK_DURATION,
        Unit::Seconds,
        "Time of one check of a part of the server, by `component`; its count is that of the checks"
    );
    describe_counter!(
        HEALTH_ANSWERS,
        Unit::Count,
        "Questions about health that were answered, by where the answer came `from`: cache, check"
    );
    describe_counter!(
        LOOP_RESTARTS,
        Unit::Count,
        "Background loops that panicked or ended before their time and were started again, by `loop`"
    );
    describe_counter!(
        LOG_LINES_SUPPRESSED,
        Unit::Count,
        "Log lines left out because too many came from the same place in the code"
    );
}
