//! The server: listening, limits and shutdown.

use std::net::{IpAddr, SocketAddr};

use reqwest::Url;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::connections::{ConnectionsConfig, Http2Config};
use super::problems::{below, zeros};
use super::proxies::{ForwardedHeader, TrustedProxies};
use super::requests::RequestsConfig;
use super::tls::TlsConfig;

/// Listening, limits and shutdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address to listen on.
    #[serde(deserialize_with = "address")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Serve without keys on addresses other than loopback.
    pub allow_unauthenticated: bool,
    /// Maximum duration of a request, in milliseconds.
    pub request_timeout_ms: u64,
    /// Maximum duration of exports, imports, forgetting a user, and making or restoring a snapshot, in milliseconds. Each
    /// wait for a piece of a body is bounded by `request_timeout_ms`.
    pub long_request_timeout_ms: u64,
    /// Maximum size of a request body, in bytes.
    pub max_body_bytes: usize,
    /// Maximum length of a line of an import, in bytes; its body as a whole is not bounded.
    pub max_line_bytes: usize,
    /// Time between the end of readiness and the end of accepting connections in a shutdown, in milliseconds: load
    /// balancers notice, and clients are told to close their connections.
    pub shutdown_delay_ms: u64,
    /// Maximum time that a shutdown waits for requests in flight, in seconds.
    pub shutdown_grace_secs: u64,
    /// Addresses and networks of proxies whose forwarding header is trusted.
    pub trusted_proxies: TrustedProxies,
    /// Forwarding header of those proxies.
    pub forwarded_header: ForwardedHeader,
    /// Host names under which a server without keys answers, beside `localhost` and IP addresses, on any port.
    pub allowed_hosts: Vec<String>,
    /// URL at which clients reach the server, if it differs from the address it listens on. The server answers to its
    /// host, and accepts calls from its pages.
    pub public_url: Option<String>,
    /// Origins whose pages may call the server from a browser; `*` is any.
    pub cors_allowed_origins: Vec<String>,
    /// Serve the console at `/console`.
    pub console: bool,
    /// Limits of connections.
    pub connections: ConnectionsConfig,
    /// Limits of an HTTP/2 connection.
    pub http2: Http2Config,
    /// Limits of concurrent requests.
    pub requests: RequestsConfig,
    /// TLS.
    pub tls: TlsConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: IpAddr::from([127, 0, 0, 1]),
            port: 8080,
            allow_unauthenticated: false,
            request_timeout_ms: 30_000,
            long_request_timeout_ms: 3_600_000,
            max_body_bytes: 16 * 1024 * 1024,
            max_line_bytes: 1024 * 1024,
            shutdown_delay_ms: 250,
            shutdown_grace_secs: 10,
            trusted_proxies: TrustedProxies::default(),
            forwarded_header: ForwardedHeader::default(),
            allowed_hosts: Vec::new(),
            public_url: None,
            cors_allowed_origins: Vec::new(),
            console: true,
            connections: ConnectionsConfig::default(),
            http2: Http2Config::default(),
            requests: RequestsConfig::default(),
            tls: TlsConfig::default(),
        }
    }
}

impl ServerConfig {
    /// Returns the address to listen on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Returns every problem with the values, each as `key: expectation`.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = zeros(&[
            ("request_timeout_ms", self.request_timeout_ms),
            ("long_request_timeout_ms", self.long_request_timeout_ms),
            ("max_body_bytes", self.max_body_bytes as u64),
            ("max_line_bytes", self.max_line_bytes as u64),
            ("shutdown_grace_secs", self.shutdown_grace_secs),
        ]);
        problems.extend(below("connections", self.connections.problems()));
        problems.extend(below("http2", self.http2.problems()));
        problems.extend(below("requests", self.requests.problems(self.max_body_bytes)));
        problems.extend(below("tls", self.tls.problems()));
        for origin in self.cors_allowed_origins.iter().filter(|origin| !is_origin(origin)) {
            problems.push(format!(
                "cors_allowed_origins: `{origin}` is not an origin such as https://app.example.com"
            ));
        }
        for host in self.allowed_hosts.iter().filter(|host| !is_host(host)) {
            problems.push(format!(
                "allowed_hosts: `{host}` is not a name such as memory.example.com"
            ));
        }
        if !self.public_url.as_deref().is_none_or(is_public_url) {
            problems.push(
                "public_url: must be a URL such as https://memory.example.com, without user, query or fragment"
                    .to_owned(),
            );
        }
        problems
    }
}

/// Returns whether this is an `Origin` as browsers send it: scheme and host alone.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_scheme, host)| host);
    text == "*"
        || host.is_some_and(|host| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'))
}

/// Returns whether this is a host alone: no scheme, no port, no path.
fn is_host(text: &str) -> bool {
    !text.contains('*')
        && Url::parse(&format!("http://{text}/")).is_ok_and(|url| {
            let text = text.strip_suffix('.').unwrap_or(text);
            let host = url.host_str().unwrap_or_default();
            host.strip_suffix('.').unwrap_or(host).eq_ignore_ascii_case(text)
        })
}

/// Returns whether this is a URL that clients can be given.
fn is_public_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// Reads an address, with or without the brackets that IPv6 addresses have in URLs.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<IpAddr, D::Error> {
    let text = String::deserialize(from)?;
    let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let wrong = |_| D::Error::custom("must be an address such as 127.0.0.1 or ::1");
    address.unwrap_or(&text).parse().map_err(wrong)
}
