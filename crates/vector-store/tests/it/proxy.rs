//! A small TCP proxy that breaks, holds up or refuses connections when told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Behavior of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Passes everything on at once.
    Open,
    /// Passes everything on after this long.
    Slow(Duration),
    /// Keeps connections and passes nothing on, as a network that loses every packet.
    Silent,
    /// Ends every connection there is and every one that comes.
    Broken,
}

/// The proxy, which ends with this.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    way: watch::Sender<Way>,
}

impl Proxy {
    /// A proxy to a server at `host:port`, on a free port.
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, told) = watch::channel(Way::Open);
        let server: Arc<str> = server.into();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if told.has_changed().is_err() {
                    return;
                }
                tokio::spawn(serve(client, Arc::clone(&server), told.clone()));
            }
        });
        Self { address, way }
    }

    /// Says what to do from now on, with the connections that there are, too.
    pub(crate) fn be(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn serve(client: TcpStream, server: Arc<str>, mut told: watch::Receiver<Way>) {
    if *told.borrow() == Way::Broken {
        return;
    }
    let Ok(server) = TcpStream::connect(&*server).await else {
        return;
    };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let requests = pass(from_client, to_server, told.clone());
    let answers = pass(from_server, to_client, told.clone());
    // Both ends are closed as soon as one is, or when that is asked for.
    tokio::select! {
        () = requests => {}
        () = answers => {}
        _ = told.wait_for(|way| *way == Way::Broken) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut told: watch::Receiver<Way>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let way = *told.borrow();
        match way {
            Way::Slow(by) => tokio::time::sleep(by).await,
            Way::Silent => {
                // Lost packets are sent again when the network works again.
                let _ended = told.wait_for(|way| *way != Way::Silent).await;
            }
            Way::Open | Way::Broken => {}
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
