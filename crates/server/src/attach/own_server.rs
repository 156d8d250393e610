//! A server of this process, for itself and for other processes of the same user.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use context_manager_client::{Client, Config as ClientConfig};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Means;
use crate::app::App;
use crate::auth::NewKey;
use crate::config::TlsConfig;

/// Pause between two looks at whether the store is open.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server of this process. It listens on a free port of this machine alone.
#[derive(Debug)]
pub(super) struct OwnServer {
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl OwnServer {
    /// Opens the data folder, and returns its server once it is ready, with a client. Without a key the client has the
    /// server's own.
    ///
    /// # Errors
    /// When the data folder cannot be opened, as when another process has it open.
    pub(super) async fn start(means: &Means) -> anyhow::Result<(Self, Client)> {
        let mut config = means.config.clone();
        config.server.host = IpAddr::from(Ipv4Addr::LOCALHOST);
        config.server.port = 0;
        config.server.shutdown_delay_ms = 0;
        config.server.tls = TlsConfig::default();
        let own_key = NewKey::random()?;
        let key = means.key.clone();
        let key = key.unwrap_or_else(|| own_key.expose().to_owned().into());
        let listener = TcpListener::bind(config.server.address())
            .await
            .context("cannot listen on this machine")?;
        let url = format!("http://{}", listener.local_addr()?);
        let app = App::for_own_user(
            config,
            means.metrics.clone(),
            means.logs.clone(),
            own_key,
            means.is_found,
        )?;
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            // A dropped sender stops it as well.
            let _stopped = stopped.await;
        };
        let mut running = tokio::spawn(app.run(listener, shutdown));
        let client = Client::new(
            &url,
            ClientConfig {
                api_key: Some(key),
                ..ClientConfig::default()
            },
        )?;
        loop {
            tokio::select! {
                ended = &mut running => {
                    ended??;
                    bail!("the memory was closed while it was opened");
                }
                ready = client.get_readiness() => match ready {
                    Ok(_) => break,
                    Err(_starting) => sleep(LOOK_EVERY).await,
                },
            }
        }
        Ok((Self { stop, running }, client))
    }

    /// Stops it and waits for its end.
    pub(super) async fn close(self) {
        let _already_ended = self.stop.send(());
        match self.running.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "the memory did not close well"),
            Err(error) => tracing::error!(%error, "the memory did not close well"),
        }
    }
}
