//! `context-manager serve`.

use anyhow::Context as _;
use context_manager_observability::{init_telemetry, install_metrics};
use tokio::net::TcpListener;

use super::greeting;
use super::options::{Options, warn_of_ignored_names};
use crate::app::App;
use crate::metrics;

/// Serves until a signal. A person who typed nothing but the program's name is greeted.
pub(super) fn run(options: Options, is_first_look: bool) -> anyhow::Result<()> {
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
            .with_context(|| format!("cannot listen on {address} (--port takes another port)"))?;
        let shutdown = shutdown_signal()?;
        let address = listener.local_addr()?;
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        let greeted = is_first_look.then(|| config.clone());
        let app = App::new(config, recorder, logs)?;
        if let Some(config) = greeted {
            greeting::print(&config, address, app.needs_keys())?;
        }
        app.run(listener, shutdown).await
    });
    // Ends remaining tasks, whose spans are exported below.
    drop(runtime);
    telemetry.shutdown();
    served
}

/// Completes at SIGTERM or SIGINT. The handlers are installed before this returns, so that no signal is missed.
pub(super) fn shutdown_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
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
