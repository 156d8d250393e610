//! `context-manager healthcheck`: readiness of the server of this configuration, for containers without a shell.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{bail, ensure};
use context_manager_client::{Certificates, Client, Config, Error, Retry};

use super::options::Options;
use crate::app::loopback;

/// Maximum duration of the call.
const TIMEOUT: Duration = Duration::from_secs(3);

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
    runtime.block_on(check(scheme, loopback(address)))
}

#[expect(clippy::print_stdout, reason = "the command's result")]
async fn check(scheme: &str, address: SocketAddr) -> anyhow::Result<()> {
    let config = Config {
        timeout: TIMEOUT,
        retry: Retry {
            max_retries: 0,
            ..Config::default().retry
        },
        // The certificate is for the server's public name. Nothing secret is sent.
        certificates: Certificates::Any,
        ..Config::default()
    };
    match Client::new(&format!("{scheme}://{address}"), config)?
        .get_readiness()
        .await
    {
        Err(Error::Refused(refusal)) => {
            let problem = refusal.problem;
            bail!(
                "the server at {address} is not ready: {} {}",
                problem.status,
                problem.detail
            );
        }
        // As a text: container engines take another exit code than 0 and 1 for a mistake in the command.
        Err(error) => bail!("no server answers at {address}: {error}"),
        Ok(_) => {}
    }
    println!("the server at {address} is ready");
    Ok(())
}
