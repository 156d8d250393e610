//! Replies keep to their bound in tokens, and name what they leave out.

use context_manager_core::tokens::Encoding;
use context_manager_mcp::Owner;
use serde_json::{Value, json};

use crate::host::Host;

fn cost(result: &Value) -> usize {
    let counter = Encoding::default().counter();
    counter.count(Host::text(result)) + counter.count(&result["structuredContent"].to_string())
}

#[tokio::test]
async fn no_reply_is_longer_than_the_bound() {
    let long = "He said \"yes\"\n\tto C:\\temp\\ and to 「日本語」, twice.\n".repeat(60);
    for max_tokens in [1000, 5000] {
        let mut host = Host::of(Owner::default(), max_tokens).await;
        let ids: Vec<_> = (0..60).map(|_| host.notes.add(&long, None, None)).collect();
        for (tool, arguments) in [
            ("memory_search", json!({"query": "yes", "limit": 50})),
            ("memory_list", json!({"limit": 60})),
            ("memory_get", json!({"ids": ids[..20]})),
            (
                "memory_context",
                json!({"query": "yes", "max_tokens": (max_tokens - 100) / 2}),
            ),
            ("fetch", json!({"id": ids[0]})),
            ("search", json!({"query": "yes"})),
        ] {
            let result = host.call(tool, arguments).await;
            Host::structured(&result);
            let cost = cost(&result);
            assert!(cost <= max_tokens, "{tool}: {cost} of {max_tokens}");
        }
    }
}

#[tokio::test]
async fn ids_stand_for_what_a_reply_leaves_out() {
    let mut host = Host::of(Owner::default(), 1000).await;
    for at in 0..12 {
        host.notes.add(&format!("{at}: {}", "word ".repeat(100)), None, None);
    }
    let result = host.call("memory_search", json!({"query": "word", "limit": 10})).await;
    let found = Host::structured(&result);
    let shown = found["contexts"].as_array().unwrap().len();
    assert!((1..10).contains(&shown), "{shown}");
    assert_eq!(found["more"], 12 - shown);
    let next = found["more_ids"][0].as_str().unwrap();
    assert!(Host::text(&result).contains(next));
    let read = host.call("memory_get", json!({"ids": [next]})).await;
    let text = Host::structured(&read)["contexts"][0]["text"].as_str().unwrap();
    assert!(text.starts_with(&format!("{shown}: ")), "{text}");
}

#[tokio::test]
async fn a_long_text_is_read_piece_by_piece() {
    let mut host = Host::of(Owner::default(), 1000).await;
    let whole = (0..2000).fold(String::new(), |text, at| format!("{text}{at} ♞ "));
    let id = host.notes.add(&whole, None, None);
    let (mut read, mut offset) = (String::new(), 0);
    loop {
        let result = host.call("memory_get", json!({"ids": [id], "offset": offset})).await;
        let context = &Host::structured(&result)["contexts"][0];
        read.push_str(context["text"].as_str().unwrap());
        match context["next_offset"].as_u64() {
            Some(next) => offset = next,
            None => break,
        }
    }
    assert_eq!(read, whole);
}
