//! The way of this process to the memory of its configuration.
//!
//! The first process opens the data folder and serves it to those that come later; when it ends, the next one that is asked
//! takes over.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use async_trait::async_trait;
use context_manager_client::wire::{
    AssembleRequest, AssembleResponse, Context, ContextPage, ContextPatch, Filter, NewContext, SearchRequest,
    SearchResponse, Stats, Written,
};
use context_manager_client::{Client, Config as ClientConfig, ListContexts, Retry, Secret};
use context_manager_mcp::{Fault, Memory};
use context_manager_observability::{LogControl, Metrics};
use context_manager_vector_store::Error as StoreError;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::own_server::OwnServer;
use crate::app::Endpoint;
use crate::config::{API_KEY_VARIABLE, Config};

/// Maximum time that a call waits for the memory to open.
const OPENING: Duration = Duration::from_mins(1);
/// Maximum time to wait for the server of another process that has the folder open already.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Maximum duration of a look at whether a server answers.
const LOOK: Duration = Duration::from_secs(2);

/// The way to the memory.
#[derive(Debug)]
pub(crate) struct Link {
    config: Config,
    metrics: Metrics,
    logs: LogControl,
    key: Option<Secret>,
    attached: Mutex<Option<Attached>>,
}

/// A server that answers.
#[derive(Debug)]
struct Attached {
    client: Client,
    /// The server, if it is of this process.
    own: Option<OwnServer>,
}

impl Link {
    /// Begins to attach to the memory of this configuration, with a key for the server if there is one.
    pub(crate) fn new(config: Config, metrics: Metrics, logs: LogControl, key: Option<Secret>) -> Arc<Self> {
        let link = Arc::new(Self {
            config,
            metrics,
            logs,
            key,
            attached: Mutex::default(),
        });
        let early = Arc::clone(&link);
        tokio::spawn(async move {
            if let Err(fault) = early.client().await {
                tracing::warn!(%fault, "the memory is not open; the next call tries again");
            }
        });
        link
    }

    /// Closes the server of this process, if there is one.
    pub(crate) async fn close(&self) {
        if let Some(Attached { own: Some(own), .. }) = self.attached.lock().await.take() {
            own.close().await;
        }
    }

    /// Returns a client of the memory, which is attached to if it is not yet.
    async fn client(&self) -> Result<Client, Fault> {
        let attach = async {
            let mut attached = self.attached.lock().await;
            if let Some(Attached { client, .. }) = &*attached {
                return Ok(client.clone());
            }
            let new = Box::pin(self.attach()).await?;
            let client = new.client.clone();
            *attached = Some(new);
            Ok(client)
        };
        match timeout(OPENING, attach).await {
            Ok(attached) => attached.map_err(|error: anyhow::Error| Fault::Unreachable(format!("{error:#}"))),
            Err(_late) => Err(Fault::Unreachable(
                "it is still being opened; try again later".to_owned(),
            )),
        }
    }

    /// Forgets the server of another process after a call that it did not answer; returns whether there was one.
    async fn detach(&self, client: &Client) -> bool {
        let mut attached = self.attached.lock().await;
        match &*attached {
            Some(Attached { own: Some(_), .. }) => false,
            Some(current) if current.client.url() != client.url() => true,
            Some(_) | None => {
                *attached = None;
                true
            }
        }
    }

    /// Waits a while for the server of another process that has the folder open, and then tries to open it again.
    async fn attach(&self) -> anyhow::Result<Attached> {
        let started = Instant::now();
        let mut is_held = false;
        loop {
            if let Some(endpoint) = Endpoint::of_folder(&self.config)
                && let Some(client) = self.visit(endpoint).await?
            {
                tracing::info!(url = client.url(), "the server that has the data folder open answers");
                return Ok(Attached { client, own: None });
            }
            let is_late = started.elapsed() > PATIENCE;
            if !is_held || is_late {
                let (metrics, logs) = (self.metrics.clone(), self.logs.clone());
                let error = match OwnServer::start(&self.config, metrics, logs, self.key.as_ref()).await {
                    Ok((own, client)) => return Ok(Attached { client, own: Some(own) }),
                    Err(error) => error,
                };
                if !matches!(error.downcast_ref(), Some(StoreError::InUse { .. })) {
                    return Err(error);
                }
                if is_late {
                    return Err(error.context(
                        "another program has the data folder open and serves nobody; end it, or name a running server \
                         with --server",
                    ));
                }
                is_held = true;
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
            Err(error) if error.status() == Some(401) && config.api_key.is_none() => bail!(
                "the server at {url} has the data folder open and asks for a key: name one with {API_KEY_VARIABLE} or \
                 --key-file"
            ),
            Err(error) if error.status() == Some(401) => {
                Err(anyhow!(error).context(format!("the server at {url} has the data folder open")))
            }
            _known => Ok(Some(Client::new(&url, config)?)),
        }
    }
}

macro_rules! over_the_link {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Memory for Link {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer, Fault> {
                let client = self.client().await?;
                match client.$name($($argument),*).await {
                    // The process that served the folder ended.
                    Err(Fault::Unreachable(_)) if self.detach(&client).await => {
                        self.client().await?.$name($($argument),*).await
                    }
                    outcome => outcome,
                }
            })*
        }
    };
}

over_the_link! {
    search(request: &SearchRequest) -> SearchResponse;
    get(id: Uuid) -> Option<Context>;
    store(context: &NewContext) -> Written;
    update(id: Uuid, patch: &ContextPatch) -> Written;
    forget(filter: &Filter) -> u64;
    assemble(request: &AssembleRequest) -> AssembleResponse;
    list(list: &ListContexts) -> ContextPage;
    status() -> Stats;
}
