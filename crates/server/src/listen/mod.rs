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
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::ServerConfig;
use connection::Protocol;

pub(crate) use metrics::describe_metrics;
pub(crate) use permits::ConnectionPermits;
pub(crate) use tls::Tls;

/// Pause when the system cannot give another connection, as when too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Most connections that the system completes before they are accepted, as tokio asks for.
const BACKLOG: usize = 1024;

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
    let begin = |connections: &mut JoinSet<()>, stream: TcpStream, peer: SocketAddr| {
        if let Some(permit) = site.permits.take(peer.ip()) {
            let (router, tls) = (site.router.clone(), site.tls.clone());
            let protocol = Arc::clone(&protocol);
            let stop = stop.clone();
            connections.spawn(async move {
                connection::serve(stream, peer.ip(), router, tls.as_deref(), &protocol, &stop).await;
                drop(permit);
            });
        }
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => begin(&mut connections, stream, peer),
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections for now");
                stop.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE)).await;
            }
        }
    }
    // Closing the port resets connections that nobody has accepted, with the requests that were sent into them.
    if let Ok(listener) = listener.into_std() {
        for _ in 0..BACKLOG {
            let Ok((stream, peer)) = listener.accept() else {
                break;
            };
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                begin(&mut connections, stream, peer);
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

/// Returns whether the client was gone before it was accepted.
fn concerns_one_connection(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == io::ErrorKind::ConnectionRefused
        || kind == io::ErrorKind::ConnectionAborted
        || kind == io::ErrorKind::ConnectionReset
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::routing::post;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_request_in_a_connection_that_nobody_accepted_yet_is_answered_by_a_server_that_stops() {
        let config = ServerConfig::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut client = TcpStream::connect(address).await.unwrap();
            let request = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
            client.write_all(request.as_bytes()).await.unwrap();
            clients.push(client);
        }
        let site = Site {
            router: Router::new().route("/", post(|| async {})),
            permits: ConnectionPermits::new(&config.connections, config.trusted_proxies.clone()),
            tls: None,
        };
        let stop = CancellationToken::new();
        stop.cancel();
        serve(listener, site, &config, stop).await;
        for mut client in clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
    }
}
