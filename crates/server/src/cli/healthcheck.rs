//! `context-manager healthcheck`: whether the server of this configuration serves, for containers without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::Options;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn run(options: Options) -> anyhow::Result<()> {
    let server = options.load()?.server;
    let address = server.address();
    ensure!(
        address.port() != 0,
        "server.port is 0: nobody knows which port the server took"
    );
    ensure!(
        server.tls.client_ca_file.is_none(),
        "server.tls.client_ca_file is set: the server answers only to those who bring a certificate, and this command has \
         none"
    );
    let scheme = if server.tls.cert_file.is_some() {
        "https"
    } else {
        "http"
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(scheme, here(address)))
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn ask(scheme: &str, address: SocketAddr) -> anyhow::Result<()> {
    // The library wants to know what does its cryptography; the first one stays.
    let _already_chosen = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        // Its certificate is for the name that others know it by. Nothing secret is sent.
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    let answer = client
        .get(format!("{scheme}://{address}/health/ready"))
        .send()
        .await
        .with_context(|| format!("no server answers at {address}"))?;
    let status = answer.status();
    if !status.is_success() {
        bail!(
            "the server at {address} is not ready: {status} {}",
            answer.text().await?
        );
    }
    println!("the server at {address} is ready");
    Ok(())
}

/// Where to reach, from this machine, a server that listens at `address`.
fn here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_at_loopback() {
        let of = |address: &str| here(address.parse().unwrap()).to_string();
        assert_eq!(of("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(of("[::]:8080"), "[::1]:8080");
        assert_eq!(of("192.0.2.1:80"), "192.0.2.1:80");
    }
}
