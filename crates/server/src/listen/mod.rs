//! Accepting connections and serving HTTP on them, so that no client can hold the server by being slow or many.
//!
//! hyper speaks HTTP. This module adds connection permits ([`permits`]), timeouts of clients that are slow to begin, to go on
//! or to read ([`activity`], [`write_timeout`]), TLS ([`tls`]), and a shutdown that lets requests in flight be answered.

mod activity;
mod connection;
mod leftover;
mod metrics;
mod permits;
mod tls;
mod write_timeout;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;
use connection::Protocol;

pub(crate) use metrics::describe_metrics;
pub(crate) use permits::ConnectionPermits;
pub(crate) use tls::Tls;

/// Pause when the system cannot give another connection, as when too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Router, connection permits and TLS of a server.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) permits: ConnectionPermits,
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
                if let Some(permit) = site.permits.take(peer.ip()) {
                    let (router, tls) = (site.router.clone(), site.tls.clone());
                    let protocol = Arc::clone(&protocol);
                    let stop = stop.clone();
                    connections.spawn(async move {
                        connection::serve(stream, peer.ip(), router, tls.as_deref(), &protocol, &stop).await;
                        drop(permit);
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

/// Returns whether the client was gone before it was accepted.
fn concerns_one_connection(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == io::ErrorKind::ConnectionRefused
        || kind == io::ErrorKind::ConnectionAborted
        || kind == io::ErrorKind::ConnectionReset
}
