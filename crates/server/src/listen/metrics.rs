//! Metrics of connections.

/// Gauge of open connections.
pub(super) const CONNECTIONS: &str = "context_manager_connections";
/// Counter of connections that were refused; label `cause`.
pub(super) const REFUSED: &str = "context_manager_connections_refused_total";
/// Counter of connections that were ended for being too slow; label `cause`.
pub(super) const TIMED_OUT: &str = "context_manager_connections_timed_out_total";

/// Describes this module's metrics to the installed recorder.
pub(crate) fn describe_metrics() {
    ::metrics::describe_gauge!(CONNECTIONS, "Open connections");
    ::metrics::describe_counter!(
        REFUSED,
        "Connections refused, as there are too many, or ended in the TLS handshake, or spoken to without TLS"
    );
    ::metrics::describe_counter!(TIMED_OUT, "Connections ended because the client was too slow");
}
