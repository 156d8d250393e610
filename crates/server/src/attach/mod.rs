//! The way of a process to the memory of its configuration: the server that has the data folder open, or else a server of
//! this process, which opens it.

mod means;
mod own_server;

use std::time::Duration;

use anyhow::anyhow;
use context_manager_client::{Client, Config as ClientConfig, Retry};
use context_manager_vector_store::Error as StoreError;
use tokio::time::{Instant, sleep};

use crate::app::Endpoint;
use crate::config::API_KEY_VARIABLE;
use own_server::OwnServer;

pub(crate) use means::Means;

/// Maximum time to wait for another process that has the folder open already.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Maximum duration of a look at whether a server answers.
const LOOK: Duration = Duration::from_secs(2);

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) client: Client,
    /// The server, if it is of this process.
    own: Option<OwnServer>,
}

impl Attached {
    /// Returns a server that runs already.
    pub(crate) fn running(client: Client) -> Self {
        Self { client, own: None }
    }

    /// Returns whether the server is of this process.
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Closes the server of this process, if there is one.
    pub(crate) async fn close(self) {
        if let Some(own) = self.own {
            own.close().await;
        }
    }
}

impl Means {
    /// Waits a while for another process that has the folder open: until its server answers, or it closes the folder.
    ///
    /// # Errors
    /// When the folder cannot be opened, or its server does not answer or refuses the key.
    pub(crate) async fn attach(&self) -> anyhow::Result<Attached> {
        let started = Instant::now();
        loop {
            if let Some(endpoint) = Endpoint::of_folder(&self.config)
                && let Some(client) = self.visit(endpoint).await?
            {
                tracing::info!(url = client.url(), "the server that has the data folder open answers");
                return Ok(Attached::running(client));
            }
            let error = match OwnServer::start(self).await {
                Ok((own, client)) => return Ok(Attached { client, own: Some(own) }),
                Err(error) => error,
            };
            if !matches!(error.downcast_ref(), Some(StoreError::InUse { .. })) {
                return Err(error);
            }
            if started.elapsed() > PATIENCE {
                return Err(error.context(
                    "another program has the data folder open and serves nobody; end it, or name a running server with \
                     --server",
                ));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Returns a client of a server that answers; `None` if it does not.
    async fn visit(&self, endpoint: Endpoint) -> anyhow::Result<Option<Client>> {
        let Endpoint { url, key, .. } = endpoint;
        let config = ClientConfig {
            api_key: self.key.clone().or(key),
            ..ClientConfig::default()
        };
        let look = ClientConfig {
            timeout: LOOK,
            retry: Retry {
                max_retries: 0,
                ..config.retry
            },
            ..config.clone()
        };
        let look = Client::new(&url, look)?;
        if look.get_readiness().await.is_err() {
            return Ok(None);
        }
        match look.get_stats().await {
            Err(error) if error.status() == Some(401) && config.api_key.is_none() => {
                Err(anyhow!(error).context(format!(
                    "the server at {url} has the data folder open and asks for a key: name one with {API_KEY_VARIABLE} or \
                     --key-file"
                )))
            }
            Err(error) if error.status() == Some(401) => {
                Err(anyhow!(error).context(format!("the server at {url} has the data folder open")))
            }
            _known => Ok(Some(Client::new(&url, config)?)),
        }
    }
}
