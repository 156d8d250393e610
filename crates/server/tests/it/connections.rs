//! The real binary against clients that are slow, many or hostile.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, StatusCode};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::server::Server;
use crate::support::{PATIENCE, until};

/// Of HTTP/2 (RFC 9113): kinds of frames, flags, and error codes.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A server with these limits, as environment variables after `CONTEXT_MANAGER_`.
async fn server(limits: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = limits
        .iter()
        .map(|(name, _)| format!("CONTEXT_MANAGER_{name}"))
        .collect();
    let environment: Vec<_> = names
        .iter()
        .map(String::as_str)
        .zip(limits.iter().map(|(_, value)| *value))
        .collect();
    let server = Server::with(&folder.path().join("data"), &environment).await;
    (server, folder)
}

fn address(server: &Server) -> SocketAddr {
    server.url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// A connection from an address of the machine's own.
async fn connect_from(from: [u8; 4], server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(address(server)).await.unwrap()
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(address(server)).await.unwrap()
}

/// Everything that comes until the server ends the connection, in whatever way.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    let reading = async {
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..length]);
        }
    };
    timeout(PATIENCE, reading)
        .await
        .expect("the server ends the connection");
    bytes
}

#[tokio::test]
async fn a_client_that_never_finishes_its_headers_is_cut_off_however_busy_it_looks() {
    let (server, _folder) = server(&[("SERVER__CONNECTIONS__HEADER_TIMEOUT_MS", "300")]).await;
    let silent = async {
        let mut stream = connect(&server).await;
        until_closed(&mut stream).await
    };
    let dripping = async {
        let mut stream = connect(&server).await;
        stream
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n")
            .await
            .unwrap();
        let start = Instant::now();
        while stream.write_all(b"X-More: to come\r\n").await.is_ok() {
            assert!(start.elapsed() < PATIENCE, "the server waits for ever");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let second_request = async {
        let mut stream = connect(&server).await;
        stream
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await
            .unwrap();
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        stream.write_all(b"GET /hea").await.unwrap();
        until_closed(&mut stream).await
    };
    let (silent, (), _) = tokio::join!(silent, dripping, second_request);
    assert!(silent.is_empty());
    assert!(
        server
            .metric("context_manager_connections_timed_out_total{cause=\"header\"}")
            .await
            >= 3
    );
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_a_while_and_then_closed() {
    let limits = [
        ("SERVER__CONNECTIONS__HEADER_TIMEOUT_MS", "100"),
        ("SERVER__CONNECTIONS__IDLE_TIMEOUT_SECS", "1"),
    ];
    let (server, _folder) = server(&limits).await;
    let mut stream = connect(&server).await;
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let start = Instant::now();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_body_that_stops_coming_is_not_waited_for() {
    let (server, _folder) = server(&[("SERVER__CONNECTIONS__BODY_IDLE_TIMEOUT_MS", "200")]).await;
    let mut stream = connect(&server).await;
    let head = b"POST /api/v1/contexts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
    stream.write_all(head).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
    assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_cut_off() {
    let (server, _folder) = server(&[("SERVER__CONNECTIONS__WRITE_TIMEOUT_MS", "300")]).await;
    let mut stream = connect(&server).await;
    // Far more than the system's buffers hold.
    let requests = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000);
    let (mut reader, mut writer) = stream.split();
    let writing = timeout(PATIENCE, async {
        let _cut_off = writer.write_all(&requests).await;
        let timed_out = "context_manager_connections_timed_out_total{cause=\"write\"}";
        until("the server gives up", async || server.metric(timed_out).await > 0).await;
    });
    writing.await.unwrap();
    let mut left = Vec::new();
    let _reset = timeout(PATIENCE, reader.read_to_end(&mut left)).await.unwrap();
    assert!(String::from_utf8_lossy(&left).matches("HTTP/1.1 200 OK").count() < 1_000);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let (server, _folder) = server(&[("SERVER__CONNECTIONS__MAX_PER_ADDRESS", "5")]).await;
    let held: Vec<_> = join_all((0..5).map(|_| connect_from([127, 0, 0, 2], &server))).await;
    let mut refused = connect_from([127, 0, 0, 2], &server).await;
    assert!(until_closed(&mut refused).await.is_empty());
    assert_eq!(
        server
            .metric("context_manager_connections_refused_total{cause=\"address\"}")
            .await,
        1
    );
    assert_eq!(server.get("/stats").await["limits"]["connections"]["refused"], 1);
    drop(held);
}

#[tokio::test]
async fn requests_cancelled_in_a_hurry_end_an_http2_connection_and_nothing_else() {
    let (server, _folder) = server(&[]).await;
    let mut stream = connect(&server).await;
    // Written by hand: a library cancels nothing that it has not sent.
    let frame = |kind: u8, flags: u8, id: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &id.to_be_bytes(), payload].concat()
    };
    let mut attack = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    attack.extend(frame(SETTINGS, 0, 0, &[]));
    for id in (1..200).step_by(2) {
        // GET http / of localhost, in HPACK.
        attack.extend(frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            id,
            b"\x82\x86\x84\x01\x09localhost",
        ));
        attack.extend(frame(RST_STREAM, 0, id, &CANCEL.to_be_bytes()));
    }
    stream.write_all(&attack).await.unwrap();
    let mut rest = &until_closed(&mut stream).await[..];
    let mut reason = None;
    while let [a, b, c, kind, _, _, _, _, _, after @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]);
        let (payload, next) = after.split_at(usize::try_from(length).unwrap());
        if *kind == GOAWAY {
            reason = payload.get(4..8).map(<[u8]>::to_vec);
        }
        rest = next;
    }
    assert_eq!(reason, Some(ENHANCE_YOUR_CALM.to_be_bytes().to_vec()));
    server.get("/stats").await;
}

#[tokio::test]
async fn a_stopping_server_waits_for_no_one_who_asks_nothing() {
    let (mut server, _folder) = server(&[]).await;
    let mut silent = connect(&server).await;
    let mut begun = connect(&server).await;
    begun.write_all(b"GET /health/live HTTP/1.1\r\n").await.unwrap();
    server.get("/stats").await;
    let start = Instant::now();
    server.signal("-TERM");
    until_closed(&mut silent).await;
    until_closed(&mut begun).await;
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_good_client_is_served_while_others_are_slow_and_noisy() {
    let (server, _folder) = server(&[
        ("RATE_LIMITS__PER_ADDRESS__PER_SEC", "100"),
        ("SERVER__CONNECTIONS__HEADER_TIMEOUT_MS", "1000"),
    ])
    .await;
    let contexts: Vec<_> = (0..500)
        .map(|n| json!({"text": format!("memory number {n} of a good client")}))
        .collect();
    server
        .post("/contexts/batch", &json!({"contexts": contexts}))
        .await
        .unwrap();

    let before = search_latencies(&server, 60).await;
    let slow: Vec<_> = join_all((0..500).map(|_| async {
        let mut stream = connect_from([127, 0, 0, 2], &server).await;
        stream
            .write_all(b"GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n")
            .await
            .unwrap();
        stream
    }))
    .await;
    let noisy = Client::builder()
        .local_address(std::net::IpAddr::from([127, 0, 0, 3]))
        .build()
        .unwrap();
    let url = format!("{}/api/v1/contexts", server.url);
    let shouting = async {
        let mut refused = 0;
        for _ in 0..60 {
            let asked = join_all((0..20).map(|_| noisy.get(&url).send())).await;
            let statuses = asked.into_iter().map(|answer| answer.unwrap().status());
            refused += statuses
                .filter(|status| *status == StatusCode::TOO_MANY_REQUESTS)
                .count();
        }
        refused
    };
    let (during, refused) = tokio::join!(search_latencies(&server, 60), shouting);
    assert!(
        refused > 300,
        "{refused} of 1,200 calls of the noisy client were refused"
    );
    for mut stream in slow {
        until_closed(&mut stream).await;
    }
    let worst = |latencies: &[Duration]| latencies.iter().max().copied().unwrap();
    println!(
        "slowest of 60 searches: before {:?}, during {:?}",
        worst(&before),
        worst(&during)
    );
    let allowed = worst(&before) * 5 + Duration::from_secs(1);
    assert!(worst(&during) < allowed, "{:?}", worst(&during));
}

/// Durations of some searches, one after another; each must be answered.
async fn search_latencies(server: &Server, count: usize) -> Vec<Duration> {
    let mut latencies = Vec::new();
    for number in 0..count {
        let start = Instant::now();
        let found = server
            .post("/contexts/search", &json!({"query": format!("memory number {number}")}))
            .await
            .unwrap();
        latencies.push(start.elapsed());
        assert!(found["contexts"].is_array(), "{found}");
        // Below its own limit.
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    latencies
}
