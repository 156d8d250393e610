//! The server under measurement: a running one, or one of our own that is gone at the end.

mod client;
mod resources;
mod server;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use context_manager_client::Client;

use client::client;
pub(crate) use client::word;
pub(crate) use server::Server;

/// Server to measure; by default one is built for release and started in a temporary folder.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Choice {
    /// A running server, such as `http://127.0.0.1:8080`; default: build one and start it in a temporary folder
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// A built server to start in a temporary folder, instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    binary: Option<PathBuf>,
}

impl Choice {
    /// Returns the choice of this built server.
    pub(crate) fn of_binary(binary: PathBuf) -> Self {
        Self {
            server: None,
            binary: Some(binary),
        }
    }
}

/// The server under measurement.
#[derive(Debug)]
pub(crate) struct Subject {
    client: Client,
    own: Option<Server>,
}

impl Subject {
    /// Returns a client of it.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns its process, if it is our own.
    pub(crate) fn own(&self) -> Option<&Server> {
        self.own.as_ref()
    }

    /// Stops our own server as an operator would and starts it again on the same data; does nothing to others.
    ///
    /// # Errors
    /// When it does not stop or does not become ready again.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        if let Some(server) = &mut self.own {
            server.restart().await?;
            self.client = client(server.url())?;
        }
        Ok(())
    }
}

/// Runs `work` with the chosen server, which is built and started first if need be.
///
/// On one thread, to leave the other cores to the server.
///
/// # Errors
/// When the server does not start, `work` fails (with the end of our own server's log), or on Ctrl-C.
pub(crate) fn measure<T>(
    choice: &Choice,
    target: &Path,
    work: impl AsyncFnOnce(&mut Subject) -> Result<T>,
) -> Result<T> {
    let binary = match (&choice.server, &choice.binary) {
        (Some(_), _) => None,
        (None, Some(binary)) => {
            // The server is started in another folder.
            let path = binary.canonicalize();
            Some(path.with_context(|| format!("there is no server at {}", binary.display()))?)
        }
        (None, None) => Some(server::build(target)?),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            done = run(choice, binary.as_deref(), work) => done,
            // Unwinding from here stops the server and removes its folder.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

async fn run<T>(
    choice: &Choice,
    binary: Option<&Path>,
    work: impl AsyncFnOnce(&mut Subject) -> Result<T>,
) -> Result<T> {
    let Some(binary) = binary else {
        let url = choice.server.as_deref().unwrap_or_default();
        let (client, own) = (client(url)?, None);
        return work(&mut Subject { client, own }).await;
    };
    let mut server = Server::start(binary)?;
    server.wait_until_ready().await?;
    let mut subject = Subject {
        client: client(server.url())?,
        own: Some(server),
    };
    let done = work(&mut subject).await;
    done.with_context(|| {
        let log = subject.own().map(Server::last_log_lines).unwrap_or_default();
        format!("the measurement stopped; the server's last log lines:\n{log}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_binary_is_named() {
        let choice = Choice {
            binary: Some("no/such/server".into()),
            ..Choice::default()
        };
        let error = measure(&choice, Path::new("target"), async |_| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "there is no server at no/such/server");
    }

    #[test]
    fn running_server_is_neither_started_nor_restarted() {
        let choice = Choice {
            server: Some("http://127.0.0.1:1/".to_owned()),
            ..Choice::default()
        };
        let own = measure(&choice, Path::new("target"), async |subject| {
            subject.restart().await?;
            Ok(subject.own().is_some())
        });
        assert!(!own.unwrap());
    }
}
