//! The metrics of this crate: names and descriptions.

use metrics::{describe_counter, describe_gauge};

/// Gauge of a circuit's state, 0 closed, 1 half open, 2 open; label `name`.
pub const CIRCUIT_STATE: &str = "context_manager_circuit_breaker_state";
/// Counter of changes of a circuit's state; labels `name`, `to`.
pub const CIRCUIT_TRANSITIONS: &str = "context_manager_circuit_breaker_transitions_total";
/// Counter of calls that an open circuit refused; label `name`.
pub const CIRCUIT_REJECTED: &str = "context_manager_circuit_breaker_rejected_total";

/// Registers the descriptions with the recorder that is installed.
pub fn describe() {
    describe_gauge!(CIRCUIT_STATE, "State of a circuit: 0 closed, 1 half open, 2 open");
    describe_counter!(CIRCUIT_TRANSITIONS, "Changes of a circuit's state");
    describe_counter!(CIRCUIT_REJECTED, "Calls that an open circuit refused");
}
