//! The real binary at its edge: for whom a request is, which page had a browser send it, and answers to those who still send.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::keys::create;
use crate::server::Server;
use crate::support::{Answer, PATIENCE, TestApp};

const EVIL: &str = "https://evil.example";

async fn server(environment: &[(&str, &str)]) -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::with(&folder.path().join("data"), environment).await;
    (server, folder)
}

fn port(server: &Server) -> &str {
    server.url.rsplit_once(':').unwrap().1
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.strip_prefix("http://").unwrap())
        .await
        .unwrap()
}

/// Sends a request of HTTP/1 and reads its answer.
async fn ask(stream: &mut TcpStream, head: &str, body: &[u8]) -> Answer {
    let request = [head.replace('\n', "\r\n").as_bytes(), b"\r\n", body].concat();
    // A server that has answered already may not take the rest.
    let _refused = stream.write_all(&request).await;
    let answer = async {
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = answer(&bytes) {
                return answer;
            }
            let length = stream.read_buf(&mut bytes).await.unwrap();
            assert!(
                length > 0,
                "the server closes after {:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
    };
    timeout(PATIENCE, answer).await.expect("the server answers")
}

/// The answer of HTTP/1 in these bytes, if it is whole.
fn answer(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (status, fields) = head.split_once("\r\n")?;
    let mut headers = HeaderMap::new();
    for (name, value) in fields.lines().filter_map(|line| line.split_once(": ")) {
        let name: header::HeaderName = name.parse().unwrap();
        headers.append(name, value.parse().unwrap());
    }
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().unwrap().parse().unwrap();
    let status = status.split(' ').nth(1)?.parse().unwrap();
    (body.len() >= length).then(|| Answer {
        status,
        headers,
        body: serde_json::from_str(body).unwrap_or_default(),
        text: body.to_owned(),
    })
}

/// Sends a request of HTTP/2 whose body comes in two pieces with a pause between them, and reads its answer.
async fn ask_http2(server: &Server, request: Request<()>, body: Bytes) -> (StatusCode, Value) {
    let (client, connection) = h2::client::handshake(connect(server).await).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let (answer, mut sending) = client.send_request(request, body.is_empty()).unwrap();
    let mut pieces = [body.slice(..body.len() / 2), body.slice(body.len() / 2..)]
        .into_iter()
        .peekable();
    while let Some(mut piece) = pieces.next().filter(|piece| !piece.is_empty()) {
        while !piece.is_empty() {
            sending.reserve_capacity(piece.len());
            let room = std::future::poll_fn(|context| sending.poll_capacity(context)).await;
            let room = room.expect("the stream is not reset").unwrap();
            let now = piece.split_to(room.min(piece.len()));
            let last = piece.is_empty() && pieces.peek().is_none();
            sending.send_data(now, last).unwrap();
        }
        // Long enough for a server that does not wait to answer, and to reset the stream.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut answer = answer.await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = answer.body_mut().data().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    connection.abort();
    (answer.status(), serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn a_server_without_keys_answers_to_its_own_names_alone() {
    let (server, folder) = server(&[
        ("CONTEXT_MANAGER_SERVER__ALLOWED_HOSTS", r#"["memory.lan"]"#),
        ("CONTEXT_MANAGER_SERVER__PUBLIC_URL", "https://memory.example.com"),
    ])
    .await;
    let port = port(&server);
    let mut stream = connect(&server).await;
    for host in [
        format!("127.0.0.1:{port}"),
        format!("LOCALHOST:{port}"),
        format!("[::1]:{port}"),
        "localhost.".to_owned(),
        "memory.lan:1".to_owned(),
        "Memory.example.com".to_owned(),
    ] {
        let got = ask(&mut stream, &format!("GET /api/v1/stats HTTP/1.1\nHost: {host}\n"), b"").await;
        assert_eq!(got.status, 200, "{host}: {}", got.text);
    }
    for host in [format!("evil.example:{port}"), "localhost.evil.example".to_owned()] {
        for start in [
            "GET /api/v1/contexts",
            "GET /metrics",
            "GET /nowhere",
            "POST /api/v1/contexts/clear",
        ] {
            let head = format!("{start} HTTP/1.1\nHost: {host}\nOrigin: http://{host}\nSec-Fetch-Site: same-origin\n");
            ask(&mut stream, &head, b"").await.problem(421, "misdirected_request");
        }
        let head = format!("GET http://{host}/api/v1/stats HTTP/1.1\nHost: localhost\n");
        ask(&mut stream, &head, b"").await.problem(421, "misdirected_request");
        let request = Request::get(format!("http://{host}/api/v1/stats")).body(()).unwrap();
        let (status, body) = ask_http2(&server, request, Bytes::new()).await;
        assert_eq!((status.as_u16(), &body["code"]), (421, &json!("misdirected_request")));
    }
    let request = Request::get(format!("http://localhost:{port}/api/v1/stats"))
        .body(())
        .unwrap();
    assert_eq!(ask_http2(&server, request, Bytes::new()).await.0, 200);

    // With a key it does not matter how the server is called.
    let (key, _) = create(
        &folder.path().join("data"),
        &["--tenant", "acme", "--permissions", "read"],
    );
    server.becomes("/api/v1/stats", None, 401).await;
    let head = format!("GET /api/v1/stats HTTP/1.1\nHost: cluster.example\nAuthorization: Bearer {key}\n");
    assert_eq!(ask(&mut stream, &head, b"").await.status, 200);
    for hosts in ["", "Host: localhost\nHost: localhost\n"] {
        let head = format!("GET /api/v1/stats HTTP/1.1\n{hosts}Authorization: Bearer {key}\n");
        ask(&mut stream, &head, b"").await.problem(400, "invalid_request");
    }
}

/// Headers that browsers add to what a page of another origin has them send.
const FROM_ELSEWHERE: [&[(&str, &str)]; 4] = [
    &[
        ("origin", EVIL),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
    ],
    &[("origin", "null")],
    &[("origin", "http://localhost:3000"), ("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
];

#[tokio::test]
async fn no_call_of_a_page_of_another_origin_is_carried_out() {
    let app = TestApp::start().await;
    app.store(json!({"text": "mine", "session_id": "s", "user_id": "u", "level": "long_term"}))
        .await;
    let export = app.export("").await;
    let mine = app.post("/admin/snapshots", json!({})).await.body["name"].clone();
    let document = app.get("/openapi.json").await.body;
    let mut called = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{name}", mine.as_str().unwrap())
            .replace("{session_id}", "s");
        let path = path
            .replace("{user_id}", "u")
            .replace("{id}", "01a20987-fa03-70f9-ad08-4e70954ccd94");
        for method in item.as_object().unwrap().keys() {
            for (kind, body) in [
                ("text/plain", export.as_str()),
                ("application/x-ndjson", &export),
                ("application/json", r#"{"level": "long_term"}"#),
                ("application/x-www-form-urlencoded", ""),
            ] {
                for headers in FROM_ELSEWHERE {
                    let method: Method = method.to_uppercase().parse().unwrap();
                    let request = Request::builder().method(method.clone()).uri(&path);
                    let request = request.header(header::CONTENT_TYPE, kind);
                    let request = headers
                        .iter()
                        .fold(request, |request, (name, value)| request.header(*name, *value));
                    let got = app.send(request.body(body.to_owned().into()).unwrap()).await;
                    if kind == "text/plain" {
                        got.problem(415, "unsupported_media_type");
                    } else {
                        got.problem(403, "forbidden");
                    }
                    called += 1;
                }
            }
        }
    }
    assert!(called > 300, "{called}");
    assert_eq!(app.export("").await, export);
    let snapshots = app.get("/api/v1/admin/snapshots").await.body;
    assert_eq!(snapshots["snapshots"].as_array().unwrap().len(), 1);
    assert_eq!(snapshots["snapshots"][0]["name"], mine);
}

#[tokio::test]
async fn own_pages_and_named_ones_may_call() {
    let app = TestApp::with(|config| {
        config.server.cors_allowed_origins = vec!["https://app.example.com".to_owned()];
        config.server.public_url = Some("https://memory.example.com".to_owned());
    })
    .await;
    let store = async |headers: &[(&str, &str)]| {
        let request = Request::post("/api/v1/contexts").header(header::CONTENT_TYPE, "application/json");
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        app.send(request.body(json!({"text": "from a page"}).to_string().into()).unwrap())
            .await
    };
    let named = store(&[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(named.status, StatusCode::CREATED, "{}", named.text);
    assert_eq!(named.headers["access-control-allow-origin"], "https://app.example.com");
    for headers in [
        &[("origin", "http://localhost"), ("sec-fetch-site", "same-origin")][..],
        &[("origin", "https://memory.example.com"), ("host", "memory.example.com")],
        &[("sec-fetch-site", "none")],
        &[],
    ] {
        assert_eq!(store(headers).await.status, StatusCode::OK, "{headers:?}");
    }
    store(&[("origin", EVIL)]).await.problem(403, "forbidden");
    let link = Request::get("/openapi.json")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate");
    assert_eq!(app.send(link.body("".into()).unwrap()).await.status, StatusCode::OK);
}

/// A server that refuses in every way, and a key that may only read.
async fn refusing() -> (Server, TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (key, _) = create(&data, &["--tenant", "acme", "--permissions", "read"]);
    let environment = [
        ("CONTEXT_MANAGER_SERVER__MAX_BODY_BYTES", "50000"),
        ("CONTEXT_MANAGER_SERVER__REQUESTS__MAX_BUFFERED_BYTES", "1000000"),
    ];
    (Server::with(&data, &environment).await, folder, key)
}

/// Calls with a body that are answered before it is read, and how.
fn fields(headers: &[(&str, String)]) -> String {
    headers.iter().fold(String::new(), |mut fields, (name, value)| {
        fields.extend([*name, ": ", value, "\n"]);
        fields
    })
}

/// A status, and the path and headers of a call that is answered with it.
type Refused = (u16, &'static str, Vec<(&'static str, String)>);

fn refused_calls(key: &str) -> [Refused; 6] {
    let json = || ("content-type", "application/json".to_owned());
    let bearer = || ("authorization", format!("Bearer {key}"));
    [
        (401, "POST /api/v1/contexts", vec![json()]),
        (403, "POST /api/v1/contexts/batch", vec![json(), bearer()]),
        (404, "POST /nowhere", vec![json()]),
        (405, "PUT /api/v1/contexts", vec![json(), bearer()]),
        (413, "POST /api/v1/contexts/search", vec![json(), bearer()]),
        (
            415,
            "POST /api/v1/contexts/search",
            vec![("content-type", "text/plain".to_owned()), bearer()],
        ),
    ]
}

#[tokio::test]
async fn who_is_refused_while_sending_sees_why_and_goes_on() {
    let (server, _folder, key) = refusing().await;
    let body = vec![b'a'; 100_000];
    let mut kept = connect(&server).await;
    for (status, start, headers) in refused_calls(&key) {
        let fields = fields(&headers);
        for framing in ["Content-Length: 100000\n", "Transfer-Encoding: chunked\n"] {
            let body = if framing.starts_with("Content") {
                body.clone()
            } else {
                [b"186a0\r\n", &body[..], b"\r\n0\r\n\r\n"].concat()
            };
            let head = format!("{start} HTTP/1.1\nHost: localhost\n{fields}{framing}");
            let got = ask(&mut kept, &head, &body).await;
            assert_eq!(got.status, status, "{start}: {}", got.text);
            assert!(
                !got.headers.contains_key(header::CONNECTION),
                "{start}: {:?}",
                got.headers
            );
            let next = ask(&mut kept, "GET /health/live HTTP/1.1\nHost: localhost\n", b"").await;
            assert_eq!(next.status, 200, "after {start}");
        }
        let (method, path) = start.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(format!("http://localhost{path}"));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value));
        let (got, problem) = ask_http2(&server, request.body(()).unwrap(), body.clone().into()).await;
        assert_eq!((got.as_u16(), &problem["status"]), (status, &json!(status)), "{start}");
    }
}

#[tokio::test]
async fn who_is_refused_with_a_large_body_is_told_that_the_connection_ends() {
    let (server, _folder, key) = refusing().await;
    let body = vec![b'a'; 3_000_000];
    for (status, start, headers) in refused_calls(&key) {
        let fields = fields(&headers);
        let mut stream = connect(&server).await;
        let head = format!("{start} HTTP/1.1\nHost: localhost\n{fields}Content-Length: 3000000\n");
        let got = ask(&mut stream, &head, &body).await;
        assert_eq!(
            (got.status.as_u16(), &got.headers[header::CONNECTION]),
            (status, &"close".parse().unwrap())
        );
        let mut rest = Vec::new();
        let _end = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "{start}");
    }
    // Who asks first sends nothing that nobody wants.
    let mut stream = connect(&server).await;
    let head = "POST /nowhere HTTP/1.1\nHost: localhost\nContent-Length: 1000\nExpect: 100-continue\n";
    let got = ask(&mut stream, head, b"").await;
    assert_eq!(
        (got.status.as_u16(), &got.headers[header::CONNECTION]),
        (404, &"close".parse().unwrap())
    );
}
