//! The way of this process to the memory of its configuration.
//!
//! The first process opens the data folder and serves it to those that come later; when it ends, the next one that is asked
//! takes over.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_client::wire::{
    AssembleRequest, AssembleResponse, Context, ContextPage, ContextPatch, Filter, NewContext, SearchRequest,
    SearchResponse, Stats, Written,
};
use context_manager_client::{Client, ListContexts};
use context_manager_mcp::{Fault, Memory};
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

use crate::attach::{Attached, Means};

/// Maximum time that a call waits for the memory to open.
const OPENING: Duration = Duration::from_mins(1);

/// The way to the memory.
#[derive(Debug)]
pub(crate) struct Link {
    means: Means,
    attached: Mutex<Option<Attached>>,
}

impl Link {
    /// Begins to attach to the memory.
    pub(crate) fn new(means: Means) -> Arc<Self> {
        let link = Arc::new(Self {
            means,
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
        if let Some(attached) = self.attached.lock().await.take() {
            attached.close().await;
        }
    }

    /// Returns a client of the memory, which is attached to if it is not yet.
    async fn client(&self) -> Result<Client, Fault> {
        let attach = async {
            let mut attached = self.attached.lock().await;
            if let Some(Attached { client, .. }) = &*attached {
                return Ok(client.clone());
            }
            let new = Box::pin(self.means.attach()).await?;
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
            Some(current) if current.is_own() => false,
            Some(current) if current.client.url() != client.url() => true,
            Some(_) | None => {
                *attached = None;
                true
            }
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
