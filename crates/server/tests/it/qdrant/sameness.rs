//! The same contexts and questions give the same answers, whichever store keeps them.

use std::collections::BTreeSet;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::Zipf;
use serde_json::{Value, json};
use uuid::Uuid;

use super::node::Node;
use super::{Breakable, stand_in};
use crate::support::TestApp;

const CONTEXTS: u128 = 5_000;
const QUESTIONS: usize = 200;

/// Sentences of words that are as unevenly common as those of a language.
struct Sentences(ChaCha8Rng);

impl Sentences {
    fn next(&mut self, words: usize) -> String {
        let common = Zipf::new(4_000.0, 1.0).unwrap();
        let word = |_| {
            let rank: f64 = self.0.sample(common);
            let syllables = ["ba", "ke", "lo", "mi", "nu", "ra", "si", "to"];
            let mut number = rank.to_bits() >> 32;
            let mut word = String::new();
            for _ in 0..4 {
                number = number.wrapping_mul(0x9e37_79b9).rotate_right(7) & 0xffff_ffff;
                word += syllables[usize::try_from(number % 8).unwrap()];
            }
            word
        };
        (0..words).map(word).collect::<Vec<_>>().join(" ")
    }
}

async fn answers(app: &TestApp) -> Vec<BTreeSet<String>> {
    let mut sentences = Sentences(ChaCha8Rng::seed_from_u64(5));
    let numbers: Vec<u128> = (0..CONTEXTS).collect();
    for chunk in numbers.chunks(500) {
        let contexts: Vec<Value> = chunk
            .iter()
            .map(|number| {
                let session = format!("session {}", number / 50);
                // Of texts of one length many would be equally good by words, and which of them are candidates is
                // nobody's promise.
                let words = 6 + usize::try_from(number * 7 % 41).unwrap();
                json!({
                    "id": Uuid::from_u128(*number), "text": sentences.next(words), "level": "long_term", "session_id": session,
                    "occurred_at": "2026-01-02T03:04:05Z",
                })
            })
            .collect();
        let answer = app.post("/contexts/batch", json!({"contexts": contexts})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let mut found = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let question = json!({"query": sentences.next(5), "limit": 10});
        let answer = app.post("/contexts/search", question).await;
        let contexts = answer.body["contexts"].as_array().unwrap();
        found.push(
            contexts
                .iter()
                .map(|context| context["id"].as_str().unwrap().to_owned())
                .collect(),
        );
    }
    found
}

/// Prints how many of the answers differ, and allows one in twenty.
#[expect(clippy::print_stderr, reason = "figures for whoever runs it")]
async fn answer_alike(peer: impl Breakable) {
    let embedded = TestApp::start().await;
    let on_server = TestApp::with(|config| config.vector_db.qdrant.url = Some(peer.url())).await;
    let (ours, theirs) = (answers(&embedded).await, answers(&on_server).await);
    let pairs = ours.iter().zip(&theirs);
    let differing: Vec<usize> = pairs
        .map(|(a, b)| a.difference(b).count())
        .filter(|count| *count > 0)
        .collect();
    eprintln!(
        "{CONTEXTS} contexts, {QUESTIONS} questions: {} top tens differ, in {} contexts altogether",
        differing.len(),
        differing.iter().sum::<usize>()
    );
    assert!(ours.iter().all(|found| found.len() == 10));
    assert!(differing.len() <= QUESTIONS / 20, "{differing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_and_the_stand_in_answer_alike() {
    answer_alike(stand_in()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Qdrant server: cargo xtask integration"]
async fn the_embedded_store_and_a_real_server_answer_alike() {
    answer_alike(Node::start().await).await;
}
