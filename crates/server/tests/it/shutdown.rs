//! A shutdown while the server is busy: nobody is cut off, and nothing that was acknowledged is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::server::Server;

/// Number of clients that write at once, each on connections it keeps open.
const CLIENTS: usize = 8;

#[tokio::test]
async fn sigterm_under_load_resets_no_connection_and_loses_no_write() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::with(&data, &[("CONTEXT_MANAGER_SERVER__SHUTDOWN_DELAY_MS", "500")]).await;
    let stored = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (http, url) = (server.client.clone(), server.url.clone());
            let stored = Arc::clone(&stored);
            tokio::spawn(async move {
                for number in 0.. {
                    let body = json!({"text": format!("client {client} context {number}"), "level": "long_term"});
                    let answer = http.post(format!("{url}/api/v1/contexts")).json(&body).send().await?;
                    assert_eq!(answer.status(), 201);
                    stored.fetch_add(1, Ordering::Relaxed);
                    if answer.headers().get("connection").is_some_and(|value| value == "close") {
                        // As a load balancer would: the next one goes to another server.
                        break;
                    }
                }
                reqwest::Result::Ok(())
            })
        })
        .collect();
    while stored.load(Ordering::Relaxed) < 50 {
        tokio::task::yield_now().await;
    }
    server.signal("-TERM");
    for client in clients {
        client.await.unwrap().expect("no request fails");
    }
    assert_eq!(server.process.wait().unwrap().code(), Some(0));

    let server = Server::start(&data).await;
    let total = server.get("/stats").await["total"].as_u64();
    assert_eq!(total, Some(stored.load(Ordering::Relaxed) as u64));
}

#[tokio::test]
async fn readiness_ends_before_the_server_stops_accepting() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::with(&data, &[("CONTEXT_MANAGER_SERVER__SHUTDOWN_DELAY_MS", "2000")]).await;
    server.signal("-TERM");
    let ready = || server.client.get(format!("{}/health/ready", server.url)).send();
    let answer = loop {
        let answer = ready().await.expect("it still accepts");
        if answer.status() != 200 {
            break answer;
        }
    };
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("the server is stopping"));
    // Not ready, but it serves those who come.
    let stored = server.post("/contexts", &json!({"text": "late"})).await.unwrap();
    assert_eq!(stored["text"], "late");
}
