//! The metrics of this crate: names and descriptions.

use metrics::{Unit, describe_counter, describe_gauge};

/// Gauge of a circuit's state, 0 closed, 1 half open, 2 open; label `name`.
pub const CIRCUIT_STATE: &str = "context_manager_circuit_breaker_state";
/// Counter of changes of a circuit's state; labels `name`, `to`.
pub const CIRCUIT_TRANSITIONS: &str = "context_manager_circuit_breaker_transitions_total";
/// Counter of calls that an open circuit refused; label `name`.
pub const CIRCUIT_REJECTED: &str = "context_manager_circuit_breaker_rejected_total";

/// Registers the descriptions with the installed recorder.
pub fn describe() {
    describe_gauge!(
        CIRCUIT_STATE,
        "State of a circuit, by `name`: 0 closed, 1 half open, 2 open"
    );
    describe_counter!(
        CIRCUIT_TRANSITIONS,
        Unit::Count,
        "Changes of a circuit's state, by `name` and the state it changed `to`: closed, half_open, open"
    );
    describe_counter!(
        CIRCUIT_REJECTED,
        Unit::Count,
        "Calls that an open circuit refused, by `name`"
    );
}
