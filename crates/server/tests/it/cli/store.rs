//! Many contexts from standard input.

use serde_json::json;

use crate::cli::{run, run_with_input};

#[test]
fn each_line_is_a_context() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let stored = run_with_input(&data, &["store", "--user", "ann"], "one\n\ntwo\none\n");
    assert!(
        stored.stderr.contains("2 contexts stored, 1 there already"),
        "{stored:?}"
    );
    assert_eq!(stored.ok().lines().count(), 3);
    let whole = run_with_input(&data, &["store", "--whole", "-"], "three\nlines\nare one\n");
    assert_eq!(whole.ok().lines().count(), 1);
    let listed = run(&data, &["list", "--json", "--user", "ann"]).lines();
    assert_eq!(listed.len(), 2);
}

#[test]
fn a_line_that_fails_is_named_and_loses_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let lines = [
        json!({"text": "one", "tags": ["own"]}).to_string(),
        json!({"text": "two"}).to_string(),
        "no object".to_owned(),
        json!({"text": "", "level": "l1"}).to_string(),
        json!({"text": "five", "txt": ""}).to_string(),
        json!({"text": "six"}).to_string(),
    ];
    let stored = run_with_input(&data, &["store", "-", "--tag", "given", "--json"], &lines.join("\n"));
    stored.failed(5, "3 lines not stored");
    for line in ["line 3: ", "line 4: ", "line 5: "] {
        assert!(stored.stderr.contains(line), "{}", stored.stderr);
    }
    let mut listed = run(&data, &["list", "--json"]).lines();
    listed.reverse();
    let tags: Vec<_> = listed.iter().map(|context| &context["tags"]).collect();
    assert_eq!(tags, [&json!(["own"]), &json!(["given"]), &json!(["given"])]);
}

#[test]
fn thousands_are_stored_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let lines: Vec<String> = (0..1_201).map(|n| format!("line number {n}\n")).collect();
    let stored = run_with_input(&data, &["store", "-"], &lines.concat());
    assert!(stored.stderr.contains("1,201 contexts stored"), "{}", stored.stderr);
    let stats = run(&data, &["stats", "--json"]).lines();
    assert_eq!(
        (&stats[0]["total"], &stats[0]["pending_embeddings"]),
        (&json!(1_201), &json!(0))
    );
}
