//! Accepting connections and serving HTTP on them, so that no client can hold the server by being slow or many.
//!
//! hyper speaks HTTP; what it leaves open is done here: how many connections there may be ([`Places`]), how long a client
//! may take to begin, to go on and to read ([`activity`], [`patient`]), encryption ([`tls`]), and a shutdown that lets
//! requests in flight be answered.

mod activity;
mod connection;
mod leftover;
mod patient;
mod places;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;
use connection::Protocol;

pub(crate) use places::Places;
pub(crate) use tls::Tls;

/// Gauge of open connections.
const CONNECTIONS: &str = "context_manager_connections";
/// Counter of connections that were refused; label `cause`.
const REFUSED: &str = "context_manager_connections_refused_total";
/// Counter of connections that were ended for being too slow; label `cause`.
const TIMED_OUT: &str = "context_manager_connections_timed_out_total";
/// How long to wait when the system cannot give another connection, as when too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What is served, and to whom.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) places: Places,
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Serves until `stop`, then until every request in flight is answered. Dropping the future ends all connections.
pub(crate) async fn serve(listener: TcpListener, site: Site, config: &ServerConfig, stop: CancellationToken) {
    let protocol = Arc::new(Protocol::new(config));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(place) = site.places.take(peer.ip()) {
                    let (router, tls) = (site.router.clone(), site.tls.clone());
                    let protocol = Arc::clone(&protocol);
                    let stop = stop.clone();
                    connections.spawn(async move {
                        connection::serve(stream, peer.ip(), router, tls.as_deref(), &protocol, &stop).await;
                        drop(place);
                    });
                }
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections for now");
                stop.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE)).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Whether the client was gone before it was accepted.
fn concerns_one_connection(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == io::ErrorKind::ConnectionRefused
        || kind == io::ErrorKind::ConnectionAborted
        || kind == io::ErrorKind::ConnectionReset
}

/// Describes this module's metrics to the recorder that is installed.
pub(crate) fn describe_metrics() {
    metrics::describe_gauge!(CONNECTIONS, "Open connections");
    metrics::describe_counter!(
        REFUSED,
        "Connections refused, as there are too many, or ended in the TLS handshake, or spoken to without TLS"
    );
    metrics::describe_counter!(TIMED_OUT, "Connections ended because the client was too slow");
}
