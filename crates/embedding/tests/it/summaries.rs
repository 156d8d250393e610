//! Summaries of a chat model, and its failures.

use std::sync::Arc;

use context_manager_core::ports::Summarizer;
use context_manager_embedding::{ChatConfig, ChatModel};
use context_manager_resilience::{CircuitBreaker, CircuitBreakerConfig};
use serde_json::json;

use crate::peer::{Peer, Reply};
use crate::texts;

fn model(peer: &Peer, change: impl FnOnce(&mut ChatConfig)) -> ChatModel {
    let mut config = ChatConfig {
        api_url: Some(peer.url()),
        api_token: Some("secret-token".to_owned().into()),
        model: "writer".to_owned(),
        max_retries: 0,
        timeout_secs: 1,
        ..ChatConfig::default()
    };
    change(&mut config);
    let circuit = CircuitBreakerConfig {
        consecutive_failures: 2,
        ..CircuitBreakerConfig::default()
    };
    ChatModel::new(config, Arc::new(CircuitBreaker::new("test_llm", circuit))).unwrap()
}

fn said(text: &str) -> Reply {
    Reply::json(&json!({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}))
}

#[tokio::test]
async fn notes_are_sent_as_data_and_the_text_comes_back() {
    let peer = Peer::start(|_, _| said(" Goats climb trees. ")).await;
    let model = model(&peer, |_| {});
    let summary = model
        .summarize(&texts(["Goats climb.", "They climb \"trees\"."]), 50)
        .await
        .unwrap();
    assert_eq!(summary, "Goats climb trees.");
    let asked = &peer.asked()[0];
    assert_eq!(asked.line, "POST /v1/chat/completions HTTP/1.1");
    assert_eq!(asked.headers["authorization"], "Bearer secret-token");
    assert_eq!(
        (&asked.body["model"], &asked.body["max_tokens"]),
        (&json!("writer"), &json!(50))
    );
    let notes = asked.body["messages"][1]["content"].as_str().unwrap();
    assert_eq!(notes, r#"["Goats climb.","They climb \"trees\"."]"#);
}

#[tokio::test]
async fn failures_open_the_circuit() {
    let peer = Peer::start(|_, _| Reply::status(500, "")).await;
    let model = model(&peer, |_| {});
    for _ in 0..5 {
        let error = model.summarize(&texts(["secret note"]), 50).await.unwrap_err();
        let shown = format!("{error} {:?}", std::error::Error::source(&error));
        assert!(!shown.contains("secret"), "{shown}");
    }
    assert_eq!(peer.asked().len(), 2, "then its circuit is open");
}

#[tokio::test]
async fn a_request_over_the_budget_is_not_made() {
    let peer = Peer::start(|_, _| said("short")).await;
    let model = model(&peer, |config| config.tokens_per_minute = 400);
    assert!(model.summarize(&texts(["note"]), 50).await.is_ok());
    let error = model.summarize(&texts(["note"]), 200).await.unwrap_err();
    assert!(
        std::error::Error::source(&error)
            .unwrap()
            .to_string()
            .contains("budget")
    );
    assert_eq!(peer.asked().len(), 1);
}

#[tokio::test]
async fn a_truncated_or_garbled_answer_is_an_error() {
    for reply in [
        Reply::ok("<html>"),
        Reply::json(&json!({"choices": []})),
        Reply::json(&json!({"choices": [{"message": {"content": "Goats cl"}, "finish_reason": "length"}]})),
    ] {
        let peer = Peer::start(move |_, _| reply.clone()).await;
        assert!(model(&peer, |_| {}).summarize(&texts(["note"]), 50).await.is_err());
    }
}
