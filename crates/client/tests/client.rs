//! The client against a server that plays a script.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use context_manager_client::wire::{Code, NewContext, SearchRequest};
use context_manager_client::{Client, Config, Error, ListContexts, Page, Retry};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// A received request.
#[derive(Debug, Clone)]
struct Received {
    method: String,
    uri: String,
    authorization: Option<String>,
    body: String,
}

/// Responses in the order they are given; the last one is repeated.
#[derive(Clone)]
struct Script {
    responses: Arc<Vec<(u16, Option<&'static str>, Value)>>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Script {
    async fn respond(State(script): State<Self>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let number = {
            let mut received = script.received.lock().unwrap();
            received.push(Received {
                method: parts.method.to_string(),
                uri: parts.uri.to_string(),
                authorization: parts
                    .headers
                    .get("authorization")
                    .map(|value| value.to_str().unwrap().to_owned()),
                body: String::from_utf8(body.to_vec()).unwrap(),
            });
            received.len() - 1
        };
        let (status, retry_after, body) = &script.responses[number.min(script.responses.len() - 1)];
        if *status == 0 {
            sleep(Duration::from_mins(1)).await;
        }
        let mut response = Response::builder().status(StatusCode::from_u16(*status).unwrap());
        if let Some(value) = retry_after {
            response = response.header("retry-after", *value);
        }
        let body = body.as_str().map_or_else(|| body.to_string(), ToOwned::to_owned);
        response.header("x-request-id", "r-1").body(Body::from(body)).unwrap()
    }
}

/// Starts a server and returns a client of it, and the requests it receives.
async fn serve(responses: &[(u16, Option<&'static str>, Value)]) -> (Client, Arc<Mutex<Vec<Received>>>) {
    let received = Arc::default();
    let script = Script {
        responses: Arc::new(responses.to_vec()),
        received: Arc::clone(&received),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().fallback(Script::respond).with_state(script);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (Client::new(&url, config()).unwrap(), received)
}

fn config() -> Config {
    Config {
        timeout: Duration::from_secs(3),
        retry: Retry {
            max_retries: 2,
            backoff_ms: 1,
            max_backoff_ms: 1,
        },
        ..Config::with_key("cm_secret")
    }
}

fn problem(status: u16, code: &str) -> Value {
    json!({
        "type": format!("urn:context-manager:problem:{code}"), "title": "T", "status": status, "detail": "why", "code": code,
        "errors": [{"pointer": "/text", "detail": "is required"}],
    })
}

fn busy(status: u16) -> (u16, Option<&'static str>, Value) {
    (status, None, problem(status, "service_unavailable"))
}

fn receipt() -> Value {
    json!({
        "id": "01a20987-fa03-70f9-ad08-4e70954ccd94", "level": "long_term", "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z", "embedding_status": "ready",
    })
}

fn context(number: u32) -> Value {
    let mut context = receipt();
    let more = json!({
        "id": format!("00000000-0000-7000-8000-{number:012}"), "text": "t", "user_id": null, "agent_id": null,
        "session_id": null, "tags": [], "metadata": {"n": 1.5}, "importance": 0.5, "pinned": false, "token_count": 1,
        "access_count": 0, "occurred_at": "9999-12-31T23:59:59.000Z", "last_accessed_at": null, "expires_at": null,
        "derived_from": [], "superseded_by": null, "of_a_newer_server": true,
    });
    context
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    context
}

fn new_context() -> NewContext {
    NewContext {
        text: "t".to_owned(),
        ..NewContext::default()
    }
}

#[tokio::test]
async fn a_store_is_retried_under_one_id_of_the_clients_making() {
    let (client, received) = serve(&[busy(503), busy(502), (201, None, receipt())]).await;
    client.store_context(&new_context()).await.unwrap();
    let received = received.lock().unwrap();
    let ids = received
        .iter()
        .map(|request| serde_json::from_str::<Value>(&request.body).unwrap()["id"].clone());
    let mut ids = ids.collect::<Vec<_>>();
    assert_eq!(ids.len(), 3);
    ids.dedup();
    assert!(ids.len() == 1 && ids[0].is_string(), "{ids:?}");
    assert_eq!(received[0].body, format!(r#"{{"text":"t","id":{}}}"#, ids[0]));
    assert_eq!(received[0].authorization.as_deref(), Some("Bearer cm_secret"));
}

#[tokio::test]
async fn the_number_of_retries_is_bounded_and_the_last_error_returned() {
    let (client, received) = serve(&[busy(504)]).await;
    let error = client.get_stats().await.unwrap_err();
    assert_eq!((error.status(), received.lock().unwrap().len()), (Some(504), 3));
}

#[tokio::test]
async fn errors_of_the_client_and_writes_that_are_not_repeatable_are_not_retried() {
    let (client, received) = serve(&[busy(400)]).await;
    client.get_stats().await.unwrap_err();
    assert_eq!(received.lock().unwrap().len(), 1);
    let (client, received) = serve(&[busy(503)]).await;
    client.create_snapshot().await.unwrap_err();
    assert_eq!(received.lock().unwrap().len(), 1);
    // The server did not begin.
    let (client, received) = serve(&[busy(429)]).await;
    client.create_snapshot().await.unwrap_err();
    assert_eq!(received.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn retry_after_takes_precedence_over_the_pause() {
    let late = (429, Some("1"), problem(429, "rate_limited"));
    let (client, received) = serve(&[late, (200, None, json!({"status": "up"}))]).await;
    let start = Instant::now();
    client.get_liveness().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(received.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_retry_beyond_the_deadline_is_not_waited_for() {
    for value in ["60", "Wed, 01 Jan 2098 00:00:00 GMT"] {
        let (client, received) = serve(&[(429, Some(value), problem(429, "rate_limited"))]).await;
        let error = client.get_stats().await.unwrap_err();
        assert_eq!(
            (error.code(), received.lock().unwrap().len()),
            (Some(Code::RateLimited), 1)
        );
        assert!(error.retry_after().unwrap() >= Duration::from_mins(1), "{value}");
    }
}

#[tokio::test]
async fn a_call_ends_by_its_deadline() {
    let (client, _) = serve(&[(0, None, Value::Null)]).await;
    let config = Config {
        timeout: Duration::from_millis(100),
        ..config()
    };
    let hurried = Client::new(client.url(), config).unwrap();
    let start = Instant::now();
    let error = hurried.get_stats().await.unwrap_err();
    assert!(
        matches!(error, Error::Deadline { .. }) && start.elapsed() < Duration::from_secs(2),
        "{error}"
    );
}

#[tokio::test]
async fn problems_are_typed() {
    let (client, _) = serve(&[busy(400)]).await;
    let search = SearchRequest::default();
    let error = client.search_contexts(&search).await.unwrap_err();
    let problem = error.problem().unwrap();
    assert_eq!(
        (problem.code, problem.errors[0].pointer.as_str()),
        (Code::ServiceUnavailable, "/text")
    );
    assert_eq!(problem.request_id.as_deref(), Some("r-1"));
    assert_eq!(error.to_string(), "the server answered 400 T: why");

    let (client, _) = serve(&[(404, None, problem_of_a_newer_server()), (500, None, "<html>".into())]).await;
    assert_eq!(client.get_stats().await.unwrap_err().code(), Some(Code::Unknown));
    let error = client.get_stats().await.unwrap_err();
    assert_eq!((error.code(), error.status()), (Some(Code::Unknown), Some(500)));
}

fn problem_of_a_newer_server() -> Value {
    problem(404, "no_such_tea")
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::new(&format!("http://{address}"), config()).unwrap();
    let error = client.create_snapshot().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(Client::new("localhost:8080", config()).is_err());
}

#[tokio::test]
async fn lists_are_fetched_page_by_page() {
    let page = |numbers: &[u32], next: Option<&str>| {
        let contexts: Vec<_> = numbers.iter().map(|number| context(*number)).collect();
        (200, None, json!({"contexts": contexts, "next_cursor": next}))
    };
    let (client, received) = serve(&[page(&[1, 2], Some("a+b")), page(&[], Some("c")), page(&[3], None)]).await;
    let list = ListContexts {
        user_id: Some("ann & bob".to_owned()),
        page: Page {
            limit: Some(2),
            cursor: None,
        },
        ..ListContexts::default()
    };
    let contexts: Vec<_> = client.contexts(list).try_collect().await.unwrap();
    assert_eq!(contexts.len(), 3);
    let uris: Vec<_> = received
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.uri.clone())
        .collect();
    let path = "/api/v1/contexts?user_id=ann+%26+bob&limit=2";
    assert_eq!(
        uris,
        [
            path.to_owned(),
            format!("{path}&cursor=a%2Bb"),
            format!("{path}&cursor=c")
        ]
    );
}

#[tokio::test]
async fn an_error_ends_a_list() {
    let session = json!({
        "session_id": "s", "total": 1, "contexts": {"immediate": 1, "short_term": 0, "long_term": 0},
        "first_activity_at": "2026-01-01T00:00:00.000Z", "last_activity_at": "2026-01-01T00:00:00.000Z",
    });
    let first = (200, None, json!({"sessions": [session], "next_cursor": "a"}));
    let (client, _) = serve(&[first, busy(400)]).await;
    let results: Vec<_> = client.sessions(Page::default()).collect().await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn parameters_of_paths_are_escaped() {
    let (client, received) = serve(&[(200, None, json!({"deleted": 0}))]).await;
    client.delete_session("a/../b?c d").await.unwrap();
    let received = received.lock().unwrap();
    assert_eq!(received[0].method, "DELETE");
    assert_eq!(received[0].uri, "/api/v1/sessions/a%2F..%2Fb%3Fc%20d");
}

#[tokio::test]
async fn exports_and_imports_are_streams() {
    let (client, received) = serve(&[(200, None, "line 1\nline 2\n".into())]).await;
    let pieces: Vec<_> = client
        .export_contexts(true, false)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(pieces.concat(), b"line 1\nline 2\n");
    assert_eq!(received.lock().unwrap()[0].uri, "/api/v1/admin/export?vectors=true");

    let answer = json!({"imported": 2, "skipped": 0, "failed": [], "failed_total": 0, "complete": true});
    let (client, received) = serve(&[(200, None, answer)]).await;
    let pieces = stream::iter(["line 1\n", "line 2\n"].map(|line| Ok(line.as_bytes().to_vec())));
    let import = client.import_contexts(pieces, false).await.unwrap();
    assert_eq!((import.imported, import.complete), (2, true));
    assert_eq!(received.lock().unwrap()[0].body, "line 1\nline 2\n");
}

#[tokio::test]
async fn the_key_is_not_shown() {
    let (client, _) = serve(&[]).await;
    assert!(!format!("{client:?}").contains("cm_secret"));
}
