//! A scripted embedding service, for behaviour that a real one cannot be made to show.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

/// Size of its vectors.
pub(crate) const SIZE: usize = 8;

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// Headers by lower-case name.
    pub(crate) headers: HashMap<String, String>,
    /// The body.
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn texts(&self) -> Vec<String> {
        serde_json::from_value(self.body["input"].clone()).unwrap()
    }

    /// A good answer.
    pub(crate) fn answer(&self) -> Reply {
        Reply::json(&answer(self.texts().iter().map(|text| vector(text))))
    }
}

/// A reply.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Sends exactly this and keeps the connection.
    Send(String),
    /// Sends this and breaks the connection.
    SendAndClose(String),
    /// Sends this after a while.
    SendLate(Duration, String),
}

impl Reply {
    /// 200 with a body.
    pub(crate) fn ok(body: &str) -> Self {
        Self::Send(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// 200 with JSON.
    pub(crate) fn json(body: &Value) -> Self {
        Self::ok(&body.to_string())
    }

    /// The same, but this much later.
    pub(crate) fn late(self, after: Duration) -> Self {
        match self {
            Self::Send(text) | Self::SendAndClose(text) | Self::SendLate(_, text) => Self::SendLate(after, text),
        }
    }

    /// A status without a body; `headers` end with line breaks.
    pub(crate) fn status(code: u16, headers: &str) -> Self {
        Self::Send(format!(
            "HTTP/1.1 {code} Scripted\r\ncontent-length: 0\r\n{headers}\r\n"
        ))
    }
}

/// The body of an answer with these vectors.
pub(crate) fn answer(vectors: impl Iterator<Item = Vec<f32>>) -> Value {
    let items = vectors
        .enumerate()
        .map(|(index, embedding)| json!({"index": index, "embedding": embedding}));
    json!({"object": "list", "data": items.collect::<Vec<_>>()})
}

/// Returns a vector that depends on the text.
pub(crate) fn vector(text: &str) -> Vec<f32> {
    let mut state = 7_u32;
    let mut next = |byte: u8| {
        state = (state ^ u32::from(byte)).wrapping_mul(0x0100_0193).rotate_left(11);
        f32::from(u16::try_from(state >> 16).unwrap()) / 32768.0 - 1.0
    };
    for byte in text.bytes() {
        next(byte);
    }
    (0..SIZE).map(|_| next(1)).collect()
}

/// A service on its own port, which ends when dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// Maximum number of concurrent replies.
    workers: Semaphore,
    connections: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

impl Shared {
    fn new(workers: usize) -> Self {
        Self {
            workers: Semaphore::new(workers),
            connections: AtomicUsize::new(0),
            asked: Mutex::default(),
        }
    }
}

impl Peer {
    /// Replies to the request of each number, from 0 on, as `script` says.
    pub(crate) async fn start(script: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(None, Semaphore::MAX_PERMITS, script).await
    }

    /// Gives good answers.
    pub(crate) async fn good() -> Self {
        Self::start(|_, asked| asked.answer()).await
    }

    /// Replies over TLS, if there is an acceptor, and to so many requests at once.
    pub(crate) async fn start_with(
        tls: Option<TlsAcceptor>,
        workers: usize,
        script: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shared, script) = (Arc::new(Shared::new(workers)), Arc::new(script));
        let task = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                // Dropping the set ends the connections with the peer.
                let mut connections = tokio::task::JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    let (tls, shared, script) = (tls.clone(), Arc::clone(&shared), Arc::clone(&script));
                    connections.spawn(async move { accept(stream, tls, &shared, &*script).await });
                }
            }
        });
        Self { address, shared, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Returns the requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    shared: &Shared,
    script: &impl Fn(usize, &Asked) -> Reply,
) {
    match tls {
        None => serve(stream, shared, script).await,
        Some(acceptor) => {
            // A client that does not trust the certificate hangs up.
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, shared, script).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared, script: &impl Fn(usize, &Asked) -> Reply) {
    let mut stream = BufStream::new(stream);
    while let Some(asked) = receive(&mut stream).await {
        let number = {
            let mut all = shared.asked.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        let _worker = shared.workers.acquire().await.unwrap();
        let (text, last) = match script(number, &asked) {
            Reply::Send(text) => (text, false),
            Reply::SendAndClose(text) => (text, true),
            Reply::SendLate(after, text) => {
                sleep(after).await;
                (text, false)
            }
        };
        let sent = stream.write_all(text.as_bytes()).await.and(stream.flush().await);
        if last || sent.is_err() {
            return;
        }
    }
}

/// The next request, or nothing once the client hung up.
async fn receive(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let headers: HashMap<_, _> = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked {
        line: lines[0].clone(),
        headers,
        body: serde_json::from_slice(&body).ok()?,
    })
}
