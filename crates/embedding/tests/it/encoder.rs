//! Sentence encoders in the process.

use std::fs;
use std::path::Path;
use std::time::Duration;

use context_manager_core::ports::{Embedder, OnWrite, TokenTable};
use context_manager_core::rank::cosine;
use context_manager_embedding::{Error, Prefixes, SentenceEncoder, StaticTable};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use crate::texts;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model/enc-3x384-int8");

/// A folder with these files, and with the shipped network and tokenizer at their places.
fn folder(files: &[(&str, &str)], network: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let place = |file: &str| {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    fs::copy(Path::new(SHIPPED).join("model.onnx"), place(network)).unwrap();
    fs::copy(Path::new(SHIPPED).join("tokenizer.json"), place("tokenizer.json")).unwrap();
    for (file, content) in files {
        fs::write(place(file), content).unwrap();
    }
    folder
}

fn open(folder: &Path) -> SentenceEncoder {
    SentenceEncoder::open(folder, Prefixes::default()).unwrap()
}

async fn document(encoder: &SentenceEncoder, text: &str) -> Vec<f32> {
    encoder.embed_documents(&texts([text])).await.remove(0).unwrap()
}

#[tokio::test]
async fn related_texts_are_nearer_than_unrelated_ones() {
    let encoder = SentenceEncoder::built_in().unwrap();
    let vectors = encoder
        .embed_documents(&texts(["The dog chased a cat", "Interest rates rose again in March"]))
        .await;
    let question = encoder.embed_query("Did a puppy run after the kitten?").await.unwrap();
    let to = |index: usize| cosine(&question.vector, vectors[index].as_ref().unwrap());
    assert!(to(0) > to(1) + 0.3, "{} {}", to(0), to(1));
    assert_eq!(encoder.on_write(), OnWrite::Follow);
}

#[tokio::test]
async fn a_text_has_one_vector_whatever_it_is_embedded_with() {
    let encoder = SentenceEncoder::built_in().unwrap();
    let lengths = [1, 90, 3, 40, 200, 1, 17];
    let many: Vec<String> = lengths
        .iter()
        .enumerate()
        .map(|(at, length)| format!("number {at} {}", "tells a longer story ".repeat(*length)))
        .collect();
    let together = encoder.embed_documents(&many).await;
    for (text, together) in many.iter().zip(together) {
        let same = cosine(&document(&encoder, text).await, &together.unwrap());
        assert!(same > 0.9999, "{same}: {text:.30}");
    }
    assert!(encoder.embed_documents(&[]).await.is_empty());
    assert!(document(&encoder, "").await.iter().all(|value| value.is_finite()));
}

#[tokio::test]
async fn pieces_cover_the_words_of_a_question_and_make_its_vector() {
    let encoder = SentenceEncoder::built_in().unwrap();
    let text = "  Where did Zoë put the kubectl-config, naïvely?";
    let question = encoder.embed_query(text).await.unwrap();
    let mut covered = vec![false; text.len()];
    for piece in &question.pieces {
        covered[piece.range.clone()].fill(true);
    }
    for (at, letter) in text.char_indices().filter(|(_, letter)| letter.is_alphanumeric()) {
        assert!(covered[at], "{letter} at {at}");
    }
    let special = question.pieces.iter().filter(|piece| piece.range.is_empty());
    assert_eq!(special.count(), 2, "[CLS] and [SEP]");
    let mut mean = vec![0.0; question.vector.len()];
    for piece in &question.pieces {
        mean.iter_mut()
            .zip(&piece.vector)
            .for_each(|(sum, value)| *sum += value);
    }
    assert!(cosine(&mean, &question.vector) > 0.9999);
    assert!(cosine(&document(&encoder, text).await, &question.vector) > 0.9999);
}

#[test]
fn english_is_known_and_other_languages_are_not() {
    let encoder = SentenceEncoder::built_in().unwrap();
    let table = StaticTable::load().unwrap();
    for (text, known) in [
        ("What did Nhu say to Katarzyna about the visa?", 0.9..=1.0),
        ("Katarzyna's birthday", 0.9..=1.0),
        ("retry_policy in HttpClient has maxRetries 5", 0.9..=1.0),
        ("12:30?", 1.0..=1.0),
        ("", 1.0..=1.0),
        ("Welche Allergien hat meine Schwester?", 0.0..=0.4),
        ("Мой брат живёт в Перми", 0.0..=0.0),
        ("แม่แพ้กุ้งและปู", 0.0..=0.0),
        ("我姐姐对花生过敏", 0.0..=0.1),
        ("妹はピーナッツアレルギーです", 0.0..=0.1),
        ("أختي تعاني من حساسية الفول السوداني", 0.0..=0.0),
        ("내 동생은 땅콩 알레르기가 있다", 0.0..=0.0),
        ("मेरी बहन को मूंगफली से एलर्जी है", 0.0..=0.0),
    ] {
        for knows in [encoder.knows(text), TokenTable::knows(&table, text)] {
            assert!(known.contains(&knows), "{knows}: {text}");
        }
    }
}

#[tokio::test]
async fn both_layouts_are_understood() {
    let plain = folder(
        &[(
            "config.json",
            r#"{"name": "mine", "pooling": "mean", "max_tokens": 128}"#,
        )],
        "model.onnx",
    );
    let transformers = folder(
        &[
            (
                "config.json",
                r#"{"_name_or_path": "someone/theirs", "max_position_embeddings": 128}"#,
            ),
            (
                "modules.json",
                r#"[{"type": "sentence_transformers.models.Transformer"}, {"type": "sentence_transformers.models.Pooling"}]"#,
            ),
            (
                "1_Pooling/config.json",
                r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}"#,
            ),
            ("sentence_bert_config.json", r#"{"max_seq_length": 16}"#),
            (
                "config_sentence_transformers.json",
                r#"{"prompts": {"query": "query: ", "passage": "passage: "}}"#,
            ),
        ],
        "onnx/model_quantized.onnx",
    );
    let (plain, theirs) = (open(plain.path()), open(transformers.path()));
    assert_eq!(
        (plain.fingerprint().name.as_str(), plain.fingerprint().dimensions),
        ("mine", 256)
    );
    assert_eq!(theirs.fingerprint().name, "theirs");
    assert_ne!(
        plain.fingerprint().probe,
        theirs.fingerprint().probe,
        "prefixes and length make another model"
    );

    let built_in = SentenceEncoder::built_in().unwrap();
    let same = |one: &[f32], other: &[f32]| cosine(one, other) > 0.9999;
    assert!(same(
        &document(&plain, "a wasp").await,
        &document(&built_in, "a wasp").await
    ));
    assert!(same(
        &document(&theirs, "a wasp").await,
        &document(&built_in, "passage: a wasp").await
    ));
    let question = theirs.embed_query("a wasp").await.unwrap();
    assert!(same(
        &question.vector,
        &built_in.embed_query("query: a wasp").await.unwrap().vector
    ));
    let words: Vec<&str> = question
        .pieces
        .iter()
        .map(|piece| &"a wasp"[piece.range.clone()])
        .collect();
    assert_eq!(words.concat(), "awasp", "the prefix stands for no part of the question");
    let start = "one two three four five six seven eight nine ten ";
    assert!(
        same(
            &document(&theirs, &start.repeat(2)).await,
            &document(&theirs, &start.repeat(9)).await
        ),
        "cut at 16 tokens"
    );

    let settings = Prefixes {
        query: "q: ",
        document: "",
    };
    let overridden = SentenceEncoder::open(transformers.path(), settings).unwrap();
    let question = overridden.embed_query("a wasp").await.unwrap();
    assert!(same(
        &question.vector,
        &built_in.embed_query("q: a wasp").await.unwrap().vector
    ));
}

#[test]
fn unusable_folders_are_refused_with_the_file_and_the_reason() {
    const DENSE: &str = r#"[{"type": "sentence_transformers.models.Dense"}]"#;
    type Files = &'static [(&'static str, &'static str)];
    let cases: [(Files, &str, &str); 9] = [
        (&[("config.json", "{")], "config.json", "is not as expected"),
        (
            &[("config.json", r#"{"pooling": "lasttoken"}"#)],
            "config.json",
            "known are mean, cls and max",
        ),
        (&[("config.json", r#"{"max_tokens": 2}"#)], "config.json", "at least 8"),
        (
            &[("config.json", r#"{"max_tokens": 4096}"#)],
            "model.onnx",
            "cannot be run",
        ),
        (&[("modules.json", DENSE)], "modules.json", "has a step Dense"),
        (
            &[("1_Pooling/config.json", r#"{"pooling_mode": "lasttoken"}"#)],
            "1_Pooling/config.json",
            "lasttoken",
        ),
        (&[("tokenizer.json", "{}")], "tokenizer.json", "no tokenizer"),
        (&[("model.onnx", "nonsense")], "model.onnx", "not a network"),
        (
            &[("model_quantized.onnx", "")],
            "model_quantized.onnx",
            "no input `input_ids`",
        ),
    ];
    for (files, file, reason) in cases {
        let folder = folder(files, "model.onnx");
        let error = SentenceEncoder::open(folder.path(), Prefixes::default()).unwrap_err();
        assert!(
            matches!(&error, Error::Model { file: named, .. } if named == file),
            "{error}"
        );
        assert!(error.to_string().contains(reason), "{error}");
    }
    let empty = TempDir::new().unwrap();
    let missing = |path: &Path| {
        SentenceEncoder::open(path, Prefixes::default())
            .unwrap_err()
            .to_string()
    };
    assert!(missing(empty.path()).contains("model.onnx is missing"));
    assert!(missing(&empty.path().join("none")).contains("is no folder"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_goes_before_documents() {
    let encoder = std::sync::Arc::new(SentenceEncoder::built_in().unwrap());
    let many = vec!["The harvest was poor that year, and the mill stood still. ".repeat(8); 48];
    let load = tokio::spawn({
        let encoder = std::sync::Arc::clone(&encoder);
        async move { encoder.embed_documents(&many).await.len() }
    });
    sleep(Duration::from_millis(50)).await;
    let before = Instant::now();
    for _ in 0..3 {
        encoder.embed_query("Who owned the mill?").await.unwrap();
    }
    assert!(
        !load.is_finished(),
        "the questions were answered after {:?}",
        before.elapsed()
    );
    assert_eq!(load.await.unwrap(), 48);
}

#[tokio::test]
async fn its_threads_end_with_it() {
    let threads = || {
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.trim() == "encoder").count()
    };
    let encoder = SentenceEncoder::built_in().unwrap();
    let until = async |holds: &dyn Fn() -> bool| {
        while cfg!(target_os = "linux") && !holds() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let patience = Duration::from_secs(30);
    timeout(patience, until(&|| threads() >= 2)).await.unwrap();
    drop(encoder);
    timeout(patience, until(&|| threads() == 0)).await.unwrap();
}

/// Prints the speed of the built-in model, or of that in `MODEL_PATH`, and its share of known words in each language:
/// `MEMORY_SETS=file cargo nextest run --run-ignored all --no-capture -E 'test(figures)'`.
#[tokio::test]
#[ignore = "prints figures: cargo nextest run -p context-manager-embedding --run-ignored all --no-capture -E 'test(figures)'"]
async fn figures() {
    let start = Instant::now();
    let encoder = match std::env::var("MODEL_PATH") {
        Ok(folder) => open(Path::new(&folder)),
        Err(_) => SentenceEncoder::built_in().unwrap(),
    };
    eprintln!("{} loaded in {:?}", encoder.fingerprint(), start.elapsed());
    let turn = "I went to the farmers market with my sister on Saturday morning and we bought peaches, bread and a jar of \
                honey, then we had coffee near the river and talked about her new job in Boston";
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let (mut question, mut document, mut batch, mut knowing) = (vec![], vec![], vec![], vec![]);
    for _ in 0..50 {
        let start = Instant::now();
        encoder.embed_query("Which theme does the user like?").await.unwrap();
        question.push(start.elapsed());
        let start = Instant::now();
        encoder.embed_documents(&texts([turn])).await;
        document.push(start.elapsed());
        let start = Instant::now();
        assert!(encoder.knows(turn) > 0.0);
        knowing.push(start.elapsed());
    }
    for _ in 0..3 {
        let start = Instant::now();
        encoder.embed_documents(&vec![turn.to_owned(); 64]).await;
        batch.push(start.elapsed());
    }
    eprintln!(
        "question {:?}, turn {:?}, 64 turns {:?}, knows {:?}",
        median(question),
        median(document),
        median(batch),
        median(knowing)
    );
    let Ok(file) = std::env::var("MEMORY_SETS") else { return };
    let sets: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for set in sets["sets"].as_array().unwrap() {
        let mean = |list: &str, key: &str| {
            let texts = set[list].as_array().unwrap();
            let known = texts.iter().map(|text| encoder.knows(text[key].as_str().unwrap()));
            known.sum::<f32>() / f32::from(u16::try_from(texts.len()).unwrap())
        };
        let (memories, questions) = (mean("memories", "text"), mean("questions", "q"));
        eprintln!(
            "{} {} texts {memories:.2} questions {questions:.2}",
            set["name"], set["language"]
        );
    }
}
