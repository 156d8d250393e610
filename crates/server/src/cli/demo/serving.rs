//! A server for the demo, until Ctrl-C.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use context_manager_client::{Client, Config as ClientConfig};
use context_manager_observability::{LogControl, install_metrics};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{on, show};
use crate::app::{App, loopback};
use crate::cli::options::Options;
use crate::cli::output::Output;
use crate::cli::serve::shutdown_signal;
use crate::metrics;

/// Pause between two looks at whether the store is open.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Serves a folder with the conversation in it.
pub(super) async fn serve(output: &Output, options: Options, folder: &Path, logs: LogControl) -> anyhow::Result<()> {
    let mut config = on(folder);
    options.apply_to(&mut config.server);
    let address = config.server.address();
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; --port names another port, 0 a free one"))?;
    let url = format!("http://{}", loopback(listener.local_addr()?));
    let recorder = install_metrics()?;
    metrics::describe();
    let app = App::new(config, recorder, logs)?;
    let signal = shutdown_signal()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut running = tokio::spawn(app.run(listener, async {
        // A dropped sender stops it as well.
        let _stopped = stopped.await;
    }));
    let shown = async {
        let client = Client::new(&url, ClientConfig::default())?;
        while client.get_readiness().await.is_err() {
            sleep(LOOK_EVERY).await;
        }
        show(output, &client).await?;
        output.line(format!(
            "\nThe console: {url}/console (Ctrl-C ends it, and removes everything)"
        ))?;
        signal.await;
        anyhow::Ok(())
    };
    let done = tokio::select! {
        shown = shown => shown,
        ended = &mut running => match ended? {
            Ok(()) => bail!("the server ended"),
            Err(error) => return Err(error),
        },
    };
    drop(stop);
    running.await??;
    done
}
