//! No secret and no text of a context in what the server puts out: logs, audit log, metrics, errors, its configuration.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Server, command};

const API_TOKEN: &str = "token-7f3a9c1d55e2";
const HEADER: &str = "header-19b2ee0c4d71";
const KEY: &str = "key-41c8f0e2a9b3d5761122334455667788";
const WRONG_KEY: &str = "wrong-88d1c0ffee5e2a9b3d57611223344556";
/// Texts that are stored, asked for, and sent in the wrong places.
const TEXT: &str = "saffron tugboat lullaby";
const METADATA: &str = "obsidian-teacup";
const TAG: &str = "marzipan-lantern";

const SECRETS: [&str; 7] = [API_TOKEN, HEADER, KEY, WRONG_KEY, TEXT, METADATA, TAG];

fn environment(data: &Path) -> Vec<(&'static str, String)> {
    let folder = data.parent().unwrap();
    let key_file = folder.join("key");
    std::fs::write(&key_file, KEY).unwrap();
    let keys = format!(
        "[{{tenant=\"acme\",permissions=[\"admin\"],key_file=\"{}\"}}]",
        key_file.display()
    );
    vec![
        ("CONTEXT_MANAGER_AUTH__KEYS", keys),
        (
            "CONTEXT_MANAGER_AUDIT__PATH",
            folder.join("audit.jsonl").display().to_string(),
        ),
        ("CONTEXT_MANAGER_LOG__FILTER", "debug,context_manager=trace".to_owned()),
        // Nobody listens there: asking for it fails, with all that the log says of that.
        (
            "CONTEXT_MANAGER_EMBEDDING__NEXT__API_URL",
            "http://127.0.0.1:9".to_owned(),
        ),
        ("CONTEXT_MANAGER_EMBEDDING__NEXT__API_TOKEN", API_TOKEN.to_owned()),
        (
            "CONTEXT_MANAGER_EMBEDDING__NEXT__HEADERS",
            format!("{{x-secret=\"{HEADER}\"}}"),
        ),
    ]
}

/// Calls of every kind: good, with values of the wrong type, too large, to wrong places, with wrong keys.
async fn calls(server: &Server) -> Vec<String> {
    let context = json!({"text": TEXT, "metadata": {"drink": METADATA}, "tags": [TAG], "level": "long_term"});
    let search =
        json!({"query": TEXT, "explain": true, "filter": {"metadata": {"drink": METADATA}, "tags_any": [TAG]}});
    let assemble = json!({"query": TEXT, "max_tokens": 500});
    let good = [
        (Method::POST, "/contexts", context.clone()),
        (
            Method::POST,
            "/contexts/batch",
            json!({"contexts": [context, TEXT, {"text": [TEXT]}]}),
        ),
        (Method::POST, "/contexts/search", search),
        (Method::POST, "/contexts/assemble", assemble),
        (Method::GET, "/contexts", Value::Null),
        (Method::POST, "/contexts/delete", json!({"filter": {"tags_any": [TAG]}})),
        (
            Method::POST,
            "/contexts/delete",
            json!({"filter": {"metadata": {"drink": METADATA}}}),
        ),
        (Method::POST, "/admin/reembed", Value::Null),
    ];
    let bad = [
        (Method::POST, "/contexts", json!({"text": {"a": TEXT}})),
        (Method::POST, "/contexts", json!({"text": TEXT, "level": METADATA})),
        (
            Method::POST,
            "/contexts",
            json!({"text": TEXT, "importance": TAG, "occurred_at": TEXT}),
        ),
        (Method::POST, "/contexts", json!({"text": TEXT.repeat(4000)})),
        (Method::POST, "/contexts", json!(TEXT)),
        (
            Method::POST,
            "/contexts/search",
            json!({"query": TEXT, "mode": TEXT, "filter": {"ids": [TEXT]}}),
        ),
        (
            Method::POST,
            "/contexts/search",
            json!({"query": TEXT, "filter": {"metadata": {"drink": {"a": METADATA}}}}),
        ),
        (
            Method::POST,
            "/contexts/assemble",
            json!({"query": TEXT, "max_tokens": TEXT}),
        ),
        (Method::POST, "/contexts/delete", json!({"filter": {"colour": TEXT}})),
        (
            Method::PATCH,
            "/contexts/01a20987-fa03-70f9-ad08-4e70954ccd94",
            json!({"text": TEXT}),
        ),
        (Method::GET, "/contexts/saffron", Value::Null),
        (
            Method::GET,
            "/contexts?limit=obsidian-teacup&cursor=marzipan-lantern",
            Value::Null,
        ),
    ];
    let mut refused = Vec::new();
    for (method, path, body) in good.iter().chain(&bad) {
        let url = format!("{}/api/v1{path}", server.url);
        for key in [KEY, WRONG_KEY] {
            let request = server.client.request(method.clone(), &url).bearer_auth(key);
            let request = if body.is_null() { request } else { request.json(body) };
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            if key == WRONG_KEY {
                assert_eq!(status, 401);
            }
            if !status.is_success() {
                refused.push(text);
            }
        }
    }
    refused.extend(tool_calls(server).await);
    let no_json = server
        .client
        .post(format!("{}/api/v1/contexts", server.url))
        .bearer_auth(KEY);
    let no_json = no_json
        .header("content-type", "application/json")
        .body(format!("{{{TEXT}"));
    refused.push(no_json.send().await.unwrap().text().await.unwrap());
    assert!(refused.len() > bad.len(), "{}", refused.len());
    refused
}

/// Calls of tools, good and bad, and the answers of those that were refused.
async fn tool_calls(server: &Server) -> Vec<String> {
    let mut refused = Vec::new();
    let tools = [
        json!({"name": "memory_store", "arguments": {"text": TEXT, "tags": [TAG]}}),
        json!({"name": "memory_search", "arguments": {"query": TEXT, "tags_any": [TAG]}}),
        json!({"name": "memory_search", "arguments": {"query": TEXT, "limit": METADATA, "occurred_after": TAG}}),
        json!({"name": "memory_store", "arguments": {"text": [TEXT], "level": TAG}}),
        json!({"name": "memory_store", "arguments": {"text": TEXT, "level": TAG}}),
        json!({"name": "memory_store", "arguments": {"text": TEXT, "occurred_at": TAG}}),
        json!({"name": "memory_list", "arguments": {"cursor": TAG}}),
        json!({"name": "memory_get", "arguments": {"ids": [TAG]}}),
        json!({"name": TAG, "arguments": [TEXT]}),
    ];
    for params in tools {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        for key in [KEY, WRONG_KEY] {
            let request = server.client.post(format!("{}/mcp", server.url)).bearer_auth(key);
            let request = request.header("accept", "application/json, text/event-stream");
            let answer = request.json(&message).send().await.unwrap();
            let text = answer.text().await.unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            if answer["result"]["isError"] != false {
                refused.push(text);
            }
        }
    }
    refused
}

#[tokio::test]
async fn secrets_and_texts_are_in_nothing_that_the_server_puts_out() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let environment = environment(&data);
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut server = Server::with(&data, &environment).await;
    let mut put_out = calls(&server).await;
    let metrics = server
        .client
        .get(format!("{}/metrics", server.url))
        .send()
        .await
        .unwrap();
    put_out.push(metrics.text().await.unwrap());
    server.signal("-TERM");
    server.process.wait().unwrap();
    let log = server.output();
    assert!(log.lines().count() > 20, "the log says something: {log}");
    put_out.push(log);

    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let audited: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let deletions: Vec<_> = audited
        .iter()
        .filter(|event| event["action"] == "delete_contexts")
        .collect();
    assert_eq!(
        (&deletions[0]["outcome"], &deletions[0]["contexts"]),
        (&"done".into(), &1.into()),
        "{audit}"
    );
    assert!(
        audited
            .iter()
            .all(|event| event["tenant"] == "acme" && event["request_id"] != ""),
        "{audit}"
    );
    put_out.push(audit);

    let mut print = command(&data);
    let print = print.arg("print-config").envs(environment).output().unwrap();
    let printed = String::from_utf8_lossy(&print.stdout).into_owned();
    assert!(printed.contains("[redacted]"), "{printed}");
    put_out.push(printed);
    put_out.push(String::from_utf8_lossy(&print.stderr).into_owned());

    for text in &put_out {
        for secret in SECRETS {
            let at = text.find(secret);
            let line = at.map(|at| &text[text[..at].rfind('\n').map_or(0, |start| start + 1)..]);
            assert!(
                at.is_none(),
                "{secret} is in {}",
                line.unwrap_or_default().lines().next().unwrap_or_default()
            );
        }
    }
}
