//! Traces, from the request to the store, as a collector gets them.

use std::collections::HashMap;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::json;
use tokio::sync::mpsc;

use crate::server::Server;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector on a free port: its URL, and the spans it gets.
async fn collector() -> (String, mpsc::UnboundedReceiver<Span>) {
    let (spans, received) = mpsc::unbounded_channel();
    let take = post(move |body: Bytes| {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            let _gone = spans.send(span);
        }
        std::future::ready(Bytes::new())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/traces", take)).await });
    (url, received)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

#[tokio::test]
async fn a_callers_trace_goes_on_to_the_store_in_one_piece() {
    let (endpoint, mut received) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        ("CONTEXT_MANAGER_TELEMETRY__OTLP_ENDPOINT", endpoint.as_str()),
        // The caller decides.
        ("CONTEXT_MANAGER_TELEMETRY__SAMPLING_RATIO", "0.0"),
        // Sent at the end, at the latest.
        ("CONTEXT_MANAGER_TELEMETRY__EXPORT_INTERVAL_MS", "60000"),
    ];
    let mut server = Server::with(&folder.path().join("data"), &environment).await;
    let secret = "Mira is allergic to peanuts";
    let call = async |path: &str, body, traceparent: Option<String>| {
        let mut request = server.client.post(format!("{}/api/v1{path}", server.url)).json(&body);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        assert!(request.send().await.unwrap().status().is_success());
    };
    let traced = || Some(format!("00-{TRACE}-{CALLER}-01"));
    call("/contexts", json!({"text": secret}), traced()).await;
    call(
        "/contexts/search",
        json!({"query": "what must Mira not eat?"}),
        traced(),
    )
    .await;
    // Not sampled: by the server's own ratio, and by the caller's word.
    call("/contexts/search", json!({"query": "who?"}), None).await;
    call(
        "/contexts/search",
        json!({"query": "where?"}),
        Some("00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00f067aa0ba902b7-00".to_owned()),
    )
    .await;
    server.signal("-TERM");
    assert_eq!(server.process.wait().unwrap().code(), Some(0));

    let mut spans = Vec::new();
    while let Ok(Some(span)) = tokio::time::timeout(Duration::from_millis(500), received.recv()).await {
        spans.push(span);
    }
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE), "{spans:#?}");
    let by_id: HashMap<String, &Span> = spans.iter().map(|span| (hex(&span.span_id), span)).collect();
    // From a call to the store upwards, by names.
    let path_of = |operation: &str| {
        let is_it = |span: &&Span| {
            span.name == "vector_db" && format!("{:?}", span.attributes).contains(&format!("\"{operation}\""))
        };
        let mut span = spans.iter().find(is_it).unwrap();
        let mut path = vec![span.name.clone()];
        while let Some(&parent) = by_id.get(&hex(&span.parent_span_id)) {
            span = parent;
            path.push(span.name.clone());
        }
        assert_eq!(
            hex(&span.parent_span_id),
            CALLER,
            "the caller's span is the parent of the first"
        );
        path
    };
    assert_eq!(
        path_of("replace"),
        ["vector_db", "write", "store", "POST /api/v1/contexts"]
    );
    assert_eq!(
        path_of("search"),
        ["vector_db", "search_store", "search", "POST /api/v1/contexts/search"]
    );
    for step in [
        "prepare",
        "look_up",
        "remember",
        "question",
        "search_working_memory",
        "neighbours",
        "rank",
        "choose",
    ] {
        assert!(spans.iter().any(|span| span.name == step), "no span of {step}");
    }
    let all = format!("{spans:?}");
    assert!(
        !all.contains("peanuts") && !all.contains("Mira"),
        "no text is in a trace"
    );
}
