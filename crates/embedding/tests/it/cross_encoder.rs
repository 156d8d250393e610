//! Cross-encoders in the process. `models/overlap.onnx` (opset 13, 800 bytes) has the logit `w - 1`, where `w` is the number
//! of pairs of equal tokens, one of the question and one of the text: the sum over `same * first * second`, where `same`
//! compares all tokens with all, `first` and `second` are masks of token type 0 and 1, and one `[SEP]` of both is taken off.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use context_manager_core::ports::Reranker;
use context_manager_embedding::{CrossEncoder, Error};
use context_manager_resilience::{CircuitBreaker, CircuitBreakerConfig};
use tokio::time::Instant;

const ENCODER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model/enc-3x384-int8");
const OVERLAP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/models/overlap.onnx");

fn open(network: &str, config: &str, timeout: Duration) -> Result<CrossEncoder, Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(network, folder.path().join("model.onnx")).unwrap();
    let tokenizer = Path::new(ENCODER).join("tokenizer.json");
    std::fs::copy(tokenizer, folder.path().join("tokenizer.json")).unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    let circuit = CircuitBreakerConfig {
        consecutive_failures: 2,
        ..CircuitBreakerConfig::default()
    };
    CrossEncoder::open(
        folder.path(),
        timeout,
        Arc::new(CircuitBreaker::new("test_cross", circuit)),
    )
}

#[tokio::test]
async fn each_text_is_read_with_the_question_and_keeps_its_place() {
    let encoder = open(OVERLAP, "{}", Duration::from_secs(10)).unwrap();
    // One more shared word in every third text, among texts of all lengths.
    let texts: Vec<String> = (0..30)
        .map(|at| {
            format!(
                "{}the lamp{}",
                "so ".repeat(at * 7 % 11),
                if at % 3 == 0 { " is red" } else { "" }
            )
        })
        .collect();
    let views: Vec<&str> = texts.iter().map(String::as_str).collect();
    let scores = encoder.rerank("red lamp", &views).await.unwrap();
    for (at, score) in scores.into_iter().enumerate() {
        let expected = if at % 3 == 0 { 0.731_058_6 } else { 0.5 };
        assert!((score - expected).abs() < 1e-5, "{at}: {score}");
    }
    assert!(encoder.rerank("red lamp", &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_too_long_is_cut_and_the_question_stays() {
    let encoder = open(OVERLAP, r#"{"max_tokens": 16}"#, Duration::from_secs(10)).unwrap();
    let late = format!("{}red lamp", "so ".repeat(5000));
    let scores = encoder.rerank("red lamp", &["red lamp", &late]).await.unwrap();
    assert!(
        (scores[0] - 0.731_058_6).abs() < 1e-5 && (scores[1] - 0.268_941_4).abs() < 1e-5,
        "{scores:?}"
    );
}

#[tokio::test]
async fn a_model_that_is_too_slow_is_left_alone() {
    let encoder = open(OVERLAP, "{}", Duration::ZERO).unwrap();
    let long = "red lamp ".repeat(200);
    for expected in ["not done in time", "not done in time", "left alone"] {
        let start = Instant::now();
        let error = encoder.rerank("red lamp", &[long.as_str(); 8]).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(expected), "{cause}");
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_model_of_another_kind_is_refused() {
    let error = open(&format!("{ENCODER}/model.onnx"), "{}", Duration::ZERO).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("model.onnx gives no scores: it is no cross-encoder"),
        "{error}"
    );
}
