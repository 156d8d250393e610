//! `context-manager serve`.

use anyhow::Context as _;
use context_manager_observability::{init_telemetry, install_metrics};
use tokio::net::TcpListener;

use super::options::{Options, warn_of_ignored_names};
use crate::app::App;
use crate::metrics;

pub(super) fn run(options: Options) -> anyhow::Result<()> {
    let config = options.load()?;
    let telemetry = init_telemetry(&config.log, &config.audit, &config.telemetry)?;
    warn_of_ignored_names();
    let recorder = install_metrics()?;
    metrics::describe();
    let logs = telemetry.logs.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let address = config.server.address();
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let shutdown = shutdown_signal()?;
        tracing::info!(address = %listener.local_addr()?, version = env!("CARGO_PKG_VERSION"), "listening");
        App::new(config, recorder, logs)?.run(listener, shutdown).await
    });
    // Ends remaining tasks, whose spans are exported below.
    drop(runtime);
    telemetry.shutdown();
    served
}

/// Completes at SIGTERM or SIGINT. The handlers are installed before this returns, so that no signal is missed.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("received SIGTERM"),
            _ = interrupt.recv() => tracing::info!("received SIGINT"),
        }
    })
}
