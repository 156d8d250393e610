//! Requests and the interpretation of their answers.

use std::collections::BTreeMap;

use context_manager_core::ports::{EmbedErrorKind, Embedder, OnWrite};
use context_manager_embedding::ApiConfig;
use serde_json::json;

use crate::peer::{Peer, Reply, SIZE, vector};
use crate::{config, connected, texts};

#[tokio::test]
async fn texts_become_vectors_in_their_order() {
    let peer = Peer::good().await;
    let embedder = connected(config(&peer)).await;
    let vectors = embedder.embed_documents(&texts(["one", "two"])).await;
    assert_eq!(vectors[0].as_ref().unwrap(), &vector("one"));
    assert_eq!(vectors[1].as_ref().unwrap(), &vector("two"));
    assert_eq!(embedder.embed_query("three").await.unwrap().vector, vector("three"));
    assert_eq!(embedder.fingerprint().dimensions, SIZE);
    assert_eq!(embedder.fingerprint().name, "test-model");
    assert!(embedder.embed_documents(&[]).await.is_empty());
    assert_eq!((embedder.on_write(), embedder.knows("ไทย")), (OnWrite::Wait, 1.0));
    assert_eq!(peer.connections(), 1, "a connection is used again");
}

#[tokio::test]
async fn token_headers_prefixes_and_dimensions_are_sent() {
    let peer = Peer::good().await;
    let embedder = connected(ApiConfig {
        api_url: Some(format!("{}/models/v1?version=3", peer.url())),
        api_token: Some("t0ken".to_owned().into()),
        dimensions: Some(SIZE),
        query_prefix: "query: ".to_owned(),
        document_prefix: "passage: ".to_owned(),
        headers: Some(BTreeMap::from([("X-Team".to_owned(), "blue".to_owned().into())])),
        ..config(&peer)
    })
    .await;
    let _vectors = embedder.embed_documents(&texts(["stored"])).await;
    embedder.embed_query("asked").await.unwrap();

    let asked = peer.asked();
    let inputs: Vec<_> = asked
        .iter()
        .map(|asked| asked.body["input"][0].as_str().unwrap())
        .collect();
    assert!(inputs[0].starts_with("passage: The quick"), "the probe is a document");
    assert_eq!(inputs[1..], ["passage: stored", "query: asked"]);
    for asked in &asked {
        assert_eq!(asked.line, "POST /models/v1/embeddings?version=3 HTTP/1.1");
        assert_eq!(asked.headers["authorization"], "Bearer t0ken");
        assert_eq!(asked.headers["x-team"], "blue");
        assert_eq!(asked.headers["content-type"], "application/json");
        assert_eq!(asked.body["model"], "test-model");
        assert_eq!(asked.body["dimensions"], SIZE);
    }
    assert!(!format!("{embedder:?}").contains("t0ken"));
}

#[tokio::test]
async fn the_token_may_be_read_from_a_file() {
    let peer = Peer::good().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from-file\n").unwrap();
    let _embedder = connected(ApiConfig {
        api_token_file: Some(file.path().to_owned()),
        ..config(&peer)
    })
    .await;
    assert_eq!(peer.asked()[0].headers["authorization"], "Bearer from-file");
}

#[tokio::test]
async fn many_texts_are_split_into_several_requests() {
    let peer = Peer::good().await;
    let embedder = connected(ApiConfig {
        batch_size: 3,
        ..config(&peer)
    })
    .await;
    let many: Vec<_> = (0..8).map(|number| number.to_string()).collect();
    let vectors = embedder.embed_documents(&many).await;
    for (text, found) in many.iter().zip(vectors) {
        assert_eq!(found.unwrap(), vector(text));
    }
    let sizes: Vec<_> = peer.asked().iter().map(|asked| asked.texts().len()).collect();
    assert_eq!(sizes, [1, 3, 3, 2]);
}

#[tokio::test]
async fn a_refused_text_fails_alone() {
    for status in [400, 413, 422] {
        let peer = Peer::start(move |_, asked| {
            let bad = asked.texts().iter().any(|text| text == "bad");
            if bad { Reply::status(status, "") } else { asked.answer() }
        })
        .await;
        let embedder = connected(config(&peer)).await;
        let given = texts(["a", "b", "c", "bad", "d"]);
        let vectors = embedder.embed_documents(&given).await;
        for (text, found) in given.iter().zip(vectors) {
            match found {
                Ok(found) => assert_eq!(found, vector(text)),
                Err(error) => assert_eq!((text.as_str(), error.kind), ("bad", EmbedErrorKind::Refused)),
            }
        }
        // The probe; all five; a b; c bad d; c; bad d; bad; d.
        assert_eq!(peer.asked().len(), 8);
    }
}

#[tokio::test]
async fn a_vector_of_the_wrong_size_fails_alone() {
    let peer = Peer::start(|number, asked| match number {
        0 => asked.answer(),
        _ => Reply::json(&json!({"data": [
            {"index": 1, "embedding": [1.0, 2.0]}, {"index": 0, "embedding": vector("good")},
        ]})),
    })
    .await;
    let embedder = connected(config(&peer)).await;
    let vectors = embedder.embed_documents(&texts(["good", "short"])).await;
    assert_eq!(vectors[0].as_ref().unwrap(), &vector("good"));
    let expected = EmbedErrorKind::DimensionMismatch {
        expected: SIZE,
        actual: 2,
    };
    assert_eq!(vectors[1].as_ref().unwrap_err().kind, expected);
}
