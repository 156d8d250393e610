//! What a connection may cost before anything is known about who uses it.

use serde::{Deserialize, Serialize};

/// How many connections there may be, and how long a client may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionsConfig {
    /// Connections at once; fewer where the system allows the process fewer open files.
    pub max_connections: usize,
    /// Connections of one address at once (an IPv6 network of 64 bits counts as one), but for trusted proxies; 0 is no
    /// limit.
    pub max_per_address: usize,
    /// The longest from a request's first byte to the end of its headers, and from connecting to the first request's, in
    /// milliseconds.
    pub header_timeout_ms: u64,
    /// The longest between two requests on one connection, in seconds.
    pub idle_timeout_secs: u64,
    /// The longest wait for more of a body, in milliseconds.
    pub body_idle_timeout_ms: u64,
    /// The longest wait for a client to take more of an answer, in milliseconds.
    pub write_timeout_ms: u64,
    /// The longest path and query, in bytes.
    pub max_uri_bytes: usize,
    /// The most that all headers together may hold, in bytes.
    pub max_header_bytes: usize,
    /// How many headers a request may have.
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
    /// Everything that is wrong with the values, each as `key: what is expected`.
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
        let mut problems = super::zeros(&at_least_1);
        // HTTP/2 counts header bytes with 32 bits.
        if u32::try_from(self.max_header_bytes).is_err() {
            problems.push("max_header_bytes: must be below 4294967296".to_owned());
        }
        problems
    }
}

/// What one HTTP/2 connection may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http2Config {
    /// Requests at once.
    pub max_concurrent_streams: u32,
    /// Requests that the client cancelled before the server looked at them; more end the connection.
    pub max_pending_reset_streams: usize,
    /// Requests that the server cancelled for mistakes of the client; more end the connection.
    pub max_local_error_reset_streams: usize,
    /// How often a client that sends nothing is asked whether it is still there, in seconds.
    pub keep_alive_interval_secs: u64,
    /// How long its answer may take, in seconds.
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
    /// Everything that is wrong with the values, each as `key: what is expected`.
    pub(super) fn problems(&self) -> Vec<String> {
        super::zeros(&[
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
