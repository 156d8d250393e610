//! Clients that try to hold the server up while a good one works: connections that never finish a request, and a client
//! that asks much more than it may.
//!
//! They have a thread and addresses of their own, 127.0.0.2 and 127.0.0.3, so that the server can tell them from the good
//! client and from each other. Run the server with a limit for each address, or the second one is only a busy client.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::join_all;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Settings;
use super::pace;
use super::request::Request;

/// From where requests are begun and not finished.
const SLOW: [u8; 4] = [127, 0, 0, 2];
/// From where too much is asked.
const NOISY: [u8; 4] = [127, 0, 0, 3];
/// Pauses between two headers.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an answer may take before it is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests of the noisy client under way at once.
const NOISY_AT_ONCE: usize = 64;

/// What the besiegers got.
#[derive(Debug, Default)]
pub(super) struct Toll {
    connections: u64,
    closed_by_server: u64,
    answers: BTreeMap<String, u64>,
    /// Microseconds of the answers that were refusals, shortest first.
    refusals: Vec<u128>,
}

/// A siege, until it is ended.
#[derive(Debug)]
pub(super) struct Siege {
    end: watch::Sender<()>,
    thread: JoinHandle<Result<Toll>>,
}

impl Siege {
    /// Begins the siege of the server at `base`, and returns when all connections have been made.
    ///
    /// # Errors
    /// When there is no such address, or no connections can be made.
    pub(super) fn begin(base: &str, settings: &Settings, search: Request) -> Result<Self> {
        let url = reqwest::Url::parse(base)?;
        let addresses = url.socket_addrs(|| None)?;
        let target = *addresses.first().context("the server has no address")?;
        let (end, ended) = watch::channel(());
        let (connections, rate, base) = (settings.siege_connections, settings.siege_rate, base.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let slow = join_all((0..connections).map(|number| linger(target, number, ended.clone())));
                let noisy = ask_too_much(target, &base, rate, search, ended.clone());
                let (slow, noisy) = tokio::join!(slow, noisy);
                let mut toll = noisy?;
                for closed in slow {
                    toll.connections += 1;
                    toll.closed_by_server += closed;
                }
                Ok(toll)
            })
        });
        Ok(Self { end, thread })
    }

    /// Ends it.
    ///
    /// # Errors
    /// When the noisy client could not be set up.
    pub(super) fn end(self) -> Result<Toll> {
        drop(self.end);
        self.thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Begins one request after another and finishes none; returns how often the server lost patience.
async fn linger(target: SocketAddr, number: usize, mut ended: watch::Receiver<()>) -> u64 {
    let mut closed = 0;
    let work = async {
        // Not all in the same moment: they are to last the whole time.
        sleep(Duration::from_millis(number as u64 % 1000)).await;
        loop {
            if let Ok(stream) = connect(target, SLOW).await {
                dawdle(&stream).await;
                closed += 1;
            }
            sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = ended.changed() => {}
    }
    closed
}

/// Sends a header a second until the connection is closed.
async fn dawdle(stream: &TcpStream) {
    let mut line: &[u8] = b"GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n";
    loop {
        if stream.writable().await.is_err() || stream.try_write(line).is_err() {
            return;
        }
        line = b"X-More: to come\r\n";
        // Nothing is ever answered: what can be read is the end.
        if timeout(PAUSE, stream.readable()).await.is_ok() && !would_block(stream.try_read(&mut [0; 512])) {
            return;
        }
    }
}

fn would_block(read: io::Result<usize>) -> bool {
    read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

async fn connect(target: SocketAddr, from: [u8; 4]) -> io::Result<TcpStream> {
    let socket = if target.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if target.ip().is_loopback() && target.is_ipv4() {
        socket.bind(SocketAddr::from((from, 0)))?;
    }
    socket.connect(target).await
}

async fn ask_too_much(
    target: SocketAddr,
    base: &str,
    rate: f64,
    search: Request,
    mut ended: watch::Receiver<()>,
) -> Result<Toll> {
    let mut client = reqwest::Client::builder().timeout(PATIENCE).no_proxy();
    if target.ip().is_loopback() && target.is_ipv4() {
        client = client.local_address(IpAddr::from(NOISY));
    }
    let (client, url) = (client.build()?, format!("{base}{}", search.path));
    let mut toll = Toll::default();
    let send = async |search: &Request| {
        let request = client.post(&url).header("content-type", "application/json");
        let start = Instant::now();
        let answer = request.body(search.body.clone()).send().await;
        (answer.map(|answer| answer.status().as_u16()), start.elapsed())
    };
    let record = |_: &Request, (status, took): (reqwest::Result<u16>, Duration), _| {
        let name = status.as_ref().map_or("none".to_owned(), u16::to_string);
        *toll.answers.entry(name).or_default() += 1;
        if matches!(status, Ok(429 | 503)) {
            toll.refusals.push(took.as_micros());
        }
    };
    // Stops by itself a day after the siege should have ended.
    let ticks = pace::ticks(Instant::now(), rate, u64::MAX);
    let far = Instant::now() + Duration::from_hours(24);
    tokio::select! {
        _ = pace::open(ticks, NOISY_AT_ONCE, far, |_| search.clone(), send, record) => {}
        _ = ended.changed() => {}
    }
    toll.refusals.sort_unstable();
    Ok(toll)
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "besiegers: {} slow connections, closed {} times; answers to the noisy client: {:?}",
            self.connections, self.closed_by_server, self.answers
        )?;
        if let Some(median) = self.refusals.get(self.refusals.len() / 2) {
            write!(f, "; a refusal took {median} µs (median, as the client sees it)")?;
        }
        Ok(())
    }
}
