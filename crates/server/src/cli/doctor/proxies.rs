//! Proxies before the server, and on its way to services.

use std::env;
use std::net::IpAddr;

use reqwest::Url;

use super::finding::Findings;
use crate::config::Config;

const PROXIES: &str = "proxies";
/// Variables that name a proxy for encrypted calls.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

pub(super) fn check(config: &Config, found: &mut Findings) {
    let server = &config.server;
    // Addresses for documentation, which are nobody's.
    let anybody = ["192.0.2.1", "2001:db8::1"]
        .iter()
        .filter_map(|text| text.parse::<IpAddr>().ok());
    if anybody.clone().any(|address| server.trusted_proxies.contains(address)) {
        found.error(
            PROXIES,
            "server.trusted_proxies trusts everybody: each client can claim any address",
            "name the addresses of your proxies alone",
        );
    }
    let is_behind = server
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"));
    if is_behind && server.tls.cert_file.is_none() && server.trusted_proxies.is_empty() {
        found.warning(
            PROXIES,
            "server.public_url is encrypted, and the server is not: a proxy stands between, and all clients have its address",
            "set server.trusted_proxies to the address of the proxy, so that limits count each client",
        );
    }
    for name in VARIABLES {
        let Ok(value) = env::var(name) else { continue };
        if !value.is_empty() && !is_proxy(&value) {
            found.error(
                PROXIES,
                format!("{name} is no URL, such as http://proxy.example.com:3128"),
                format!("mend or unset {name}"),
            );
        }
    }
    found.otherwise(PROXIES, "nothing unusual");
}

/// Returns whether this is a URL, with or without its scheme.
fn is_proxy(value: &str) -> bool {
    let url = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    Url::parse(&url).is_ok_and(|url| url.has_host())
}
