//! Limits of connections, before a client is authenticated.

use serde::{Deserialize, Serialize};

use super::problems::zeros;

/// Limits of connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionsConfig {
    /// Maximum number of connections; lower where the system allows fewer open files.
    pub max_connections: usize,
    /// Maximum number of connections of an address (a /64 network for IPv6), except trusted proxies; 0 is no limit.
    pub max_per_address: usize,
    /// Maximum time from the first byte of a request, or from connecting, to the end of the headers, in milliseconds.
    pub header_timeout_ms: u64,
    /// Maximum time between two requests of a connection, in seconds.
    pub idle_timeout_secs: u64,
    /// Maximum pause in a request body, in milliseconds.
    pub body_idle_timeout_ms: u64,
    /// Maximum time in which a client reads nothing of its response, in milliseconds.
    pub write_timeout_ms: u64,
    /// Maximum length of path and query, in bytes.
    pub max_uri_bytes: usize,
    /// Maximum size of all headers together, in bytes.
    pub max_header_bytes: usize,
    /// Maximum number of headers of a request.
    pub max_headers: usize,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self {
            max_connections: 10_000,
            max_per_address: 1_000,
            header_timeout_ms: 10_000,
            idle_timeout_secs: 75,
            body_idle_timeout_ms: 10_000,
            write_timeout_ms: 30_000,
            max_uri_bytes: 8 * 1024,
            max_header_bytes: 16 * 1024,
            max_headers: 100,
        }
    }
}

impl ConnectionsConfig {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let at_least_1 = [
            ("max_connections", self.max_connections as u64),
            ("header_timeout_ms", self.header_timeout_ms),
            ("idle_timeout_secs", self.idle_timeout_secs),
            ("body_idle_timeout_ms", self.body_idle_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("max_uri_bytes", self.max_uri_bytes as u64),
            ("max_header_bytes", self.max_header_bytes as u64),
            ("max_headers", self.max_headers as u64),
        ];
        let mut problems = zeros(&at_least_1);
        // HTTP/2 counts header bytes with 32 bits.
        if u32::try_from(self.max_header_bytes).is_err() {
            problems.push("max_header_bytes: must be below 4294967296".to_owned());
        }
        problems
    }
}

/// Limits of an HTTP/2 connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http2Config {
    /// Maximum number of concurrent requests.
    pub max_concurrent_streams: u32,
    /// Maximum number of requests cancelled by the client before they are processed; more end the connection.
    pub max_pending_reset_streams: usize,
    /// Maximum number of requests cancelled by the server for errors of the client; more end the connection.
    pub max_local_error_reset_streams: usize,
    /// Interval of pings to a client that sends nothing, in seconds.
    pub keep_alive_interval_secs: u64,
    /// Maximum time to answer a ping, in seconds.
    pub keep_alive_timeout_secs: u64,
}

impl Default for Http2Config {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 100,
            max_pending_reset_streams: 20,
            max_local_error_reset_streams: 128,
            keep_alive_interval_secs: 20,
            keep_alive_timeout_secs: 10,
        }
    }
}

impl Http2Config {
    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        zeros(&[
            ("max_concurrent_streams", u64::from(self.max_concurrent_streams)),
            ("max_pending_reset_streams", self.max_pending_reset_streams as u64),
            (
                "max_local_error_reset_streams",
                self.max_local_error_reset_streams as u64,
            ),
            ("keep_alive_interval_secs", self.keep_alive_interval_secs),
            ("keep_alive_timeout_secs", self.keep_alive_timeout_secs),
        ])
    }
}
