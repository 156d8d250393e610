//! Exports of all sources: whole ones, and ones that are anything else.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use context_manager_client::wire;
use context_manager_core::{Context, Moment};
use indicatif::ProgressBar;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::report::{LeftOut, Report};
use super::{Intake, Source, files_of, read};
use crate::transfer::record::Line;

fn sample(source: Source) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/exports")
        .join(source.name())
}

/// Reads an export, and returns the contexts that it makes.
fn contexts(source: Source, path: &Path, user: Option<&str>) -> (Vec<Context>, Report) {
    let mut contexts = Vec::new();
    let mut deliver = |lines: Vec<u8>| {
        let before = contexts.len();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if let Line::Context(record) = Line::parse(line).expect("a line of an export") {
                contexts.push(record.context);
            }
        }
        Ok(wire::Import {
            imported: (contexts.len() - before) as u64,
            ..wire::Import::default()
        })
    };
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let user = user.map(str::to_owned);
    let mut intake = Intake::new(source, user, now, ProgressBar::hidden(), Some(&mut deliver));
    let files = files_of(source, path).unwrap();
    read(&files, &mut intake).unwrap();
    let report = intake.into_report();
    assert_eq!(report.imported, contexts.len() as u64);
    (contexts, report)
}

fn texts(contexts: &[Context]) -> Vec<&str> {
    contexts.iter().map(|context| context.text.as_str()).collect()
}

fn left_out(report: &Report) -> Vec<(LeftOut, u64)> {
    report
        .left_out
        .iter()
        .map(|(reason, count)| (*reason, *count))
        .collect()
}

fn failed(report: &Report) -> Vec<(&str, &str)> {
    let each = report.failed.iter();
    each.map(|failed| {
        (
            failed.place.rsplit('/').next().unwrap_or_default(),
            failed.detail.as_str(),
        )
    })
    .collect()
}

fn moment(time: &str) -> Moment {
    time.parse().unwrap()
}

#[test]
fn memories_of_mem0_keep_their_scope_and_time() {
    let (contexts, report) = contexts(Source::Mem0, &sample(Source::Mem0), None);
    assert_eq!(
        texts(&contexts),
        [
            "Mira is planning a trip to Lisbon",
            "Mira prefers vegetarian restaurants",
            "mira travels to lisbon"
        ]
    );
    let trip = &contexts[0];
    assert_eq!(trip.user_id.as_deref(), Some("mira"));
    assert_eq!(trip.agent_id.as_deref(), Some("planner"));
    assert_eq!(trip.session_id.as_deref(), Some("trip-1"));
    assert_eq!(trip.tags, ["travel"]);
    assert_eq!(trip.occurred_at, moment("2024-07-02T19:00:00.123Z"));
    assert_eq!(
        Value::from(trip.metadata.clone()),
        json!({"source": "mem0", "original_source": "chat", "priority": 2, "app_id": "travel"})
    );
    assert_eq!(
        left_out(&report),
        [(LeftOut::Empty, 1), (LeftOut::Repeated, 1), (LeftOut::Expired, 1)]
    );
    assert_eq!(failed(&report)[0].0, "memories.json, memory 6");
}

#[test]
fn the_shown_branch_of_a_chatgpt_conversation_becomes_a_session() {
    let (contexts, report) = contexts(Source::Chatgpt, &sample(Source::Chatgpt), Some("mira"));
    assert_eq!(
        texts(&contexts),
        [
            "When does the ferry to Lisbon leave? \u{fffd}\u{fffd}\u{fffd}",
            "The ferry leaves at 7:40.",
            "Mira travels by ferry rather than by plane.",
            "Thank you, I will take the early one."
        ]
    );
    let roles: Vec<_> = contexts
        .iter()
        .map(|one| one.message.as_ref().map(|message| message.role.as_str()))
        .collect();
    assert_eq!(roles, [Some("user"), Some("assistant"), None, Some("user")]);
    let slots: Vec<_> = contexts.iter().filter_map(|one| one.slot).collect();
    assert!(slots.is_sorted() && slots.len() == 3, "{slots:?}");
    for context in &contexts {
        assert_eq!(context.user_id.as_deref(), Some("mira"));
        assert_eq!(
            context.session_id.as_deref(),
            Some("67f0a1b2-0000-4000-8000-000000000001")
        );
    }
    assert_eq!(contexts[0].occurred_at, moment("2024-07-01T12:00:01.250Z"));
    assert_eq!(
        contexts[3].occurred_at,
        moment("2024-07-01T12:00:07Z"),
        "that of the message before"
    );
    assert_eq!(
        left_out(&report),
        [
            (LeftOut::Tool, 2),
            (LeftOut::Reasoning, 1),
            (LeftOut::System, 1),
            (LeftOut::Attachment, 2),
            (LeftOut::Branch, 1)
        ]
    );
    assert_eq!(failed(&report)[0].0, "conversations.json, conversation 3");
}

#[test]
fn a_circle_of_messages_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conversations.json");
    let node = |id: &str, parent: &str| {
        let content = json!({"content_type": "text", "parts": [format!("words of {id}")]});
        json!({"parent": parent, "message": {"id": id, "author": {"role": "user"}, "content": content}})
    };
    let nodes = json!({"a": node("a", "b"), "b": node("b", "a"), "root": {"parent": "a"}});
    let conversation = json!({"id": "c", "current_node": "a", "mapping": nodes});
    fs::write(&file, json!([conversation]).to_string()).unwrap();
    let (contexts, report) = contexts(Source::Chatgpt, &file, None);
    assert_eq!(texts(&contexts), ["words of b", "words of a"]);
    assert_eq!((left_out(&report), report.failed_total), (Vec::new(), 0));
}

#[test]
fn conversations_and_memories_of_claude_are_read() {
    let (contexts, report) = contexts(Source::Claude, &sample(Source::Claude), None);
    assert_eq!(
        texts(&contexts),
        [
            "What may the kitchen cost?",
            "The budget is 18,000 euros.",
            "Oak worktops, please.",
            "**Work context**\n\nMira works as a cartographer for the harbour authority.",
            "The kitchen is renovated in autumn."
        ]
    );
    let message = contexts[1].message.as_ref().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&message.json).unwrap(),
        json!({"role": "assistant", "content": "The budget is 18,000 euros."})
    );
    assert_eq!(
        contexts[4].metadata["claude_project"],
        "0b000000-0000-4000-8000-000000000001"
    );
    assert_eq!(
        left_out(&report),
        [
            (LeftOut::Empty, 1),
            (LeftOut::Tool, 2),
            (LeftOut::Reasoning, 1),
            (LeftOut::Attachment, 2)
        ]
    );
    assert_eq!(report.failed_total, 0);
}

#[test]
fn transcripts_and_notes_of_claude_code_are_read() {
    let (contexts, report) = contexts(Source::ClaudeCode, &sample(Source::ClaudeCode), None);
    assert_eq!(
        texts(&contexts),
        [
            "Which port does the shop listen on?",
            "Let me look.",
            "The shop listens on port 8080.",
            "Make it 9090.",
            "# Shop\n\nPrices are in cents, never in euros."
        ]
    );
    let project = context_manager_hooks::project(Path::new("/home/ann/shop"));
    assert!(
        contexts.iter().all(|one| one.metadata["project"] == project),
        "as hooks have it"
    );
    assert_eq!(contexts[4].metadata["file"], "MEMORY.md");
    assert_eq!(
        left_out(&report),
        [
            (LeftOut::Tool, 2),
            (LeftOut::Reasoning, 1),
            (LeftOut::System, 2),
            (LeftOut::Attachment, 1),
            (LeftOut::Subagent, 1),
            (LeftOut::Other, 1)
        ]
    );
    let [(place, detail)] = failed(&report)[..] else {
        panic!("{report:?}")
    };
    assert_eq!(place, "0e000000-0000-4000-8000-000000000001.jsonl, line 11");
    assert_eq!(detail, "is no record of such an export: EOF while parsing a string");
}

#[test]
fn observations_and_relations_of_the_reference_server_are_statements() {
    let (contexts, report) = contexts(Source::McpMemory, &sample(Source::McpMemory), Some("mira"));
    assert_eq!(
        texts(&contexts),
        [
            "Mira: Speaks Swedish and Portuguese",
            "Mira: Is allergic to peanuts",
            "Harbour authority: organization",
            "Mira works for Harbour authority",
            "Mira is mother of Jona"
        ]
    );
    assert_eq!(
        Value::from(contexts[0].metadata.clone()),
        json!({"source": "mcp-memory", "entity": "Mira", "entity_type": "person"})
    );
    assert_eq!(failed(&report)[0].0, "memory.jsonl, line 4");
}

#[test]
fn facts_and_observations_of_hindsight_are_read() {
    let (contexts, report) = contexts(Source::Hindsight, &sample(Source::Hindsight), None);
    assert_eq!(
        texts(&contexts),
        [
            "Mira booked a hotel near the Alfama",
            "The agent recommended five nights",
            "Mira plans her trips early"
        ]
    );
    assert_eq!(contexts[0].occurred_at, moment("2024-05-02T09:00:00Z"));
    assert_eq!(contexts[0].tags, ["travel"]);
    assert_eq!(
        Value::from(contexts[0].metadata.clone()),
        json!({"source": "hindsight", "original_source": "slack", "fact_type": "world", "context": "trip", "entities": ["Mira", "Alfama"]})
    );
    assert_eq!(report.failed_total, 0);
}

#[test]
fn an_export_has_the_same_ids_again_and_others_for_another_user() {
    for source in Source::value_variants() {
        let ids = |user| -> Vec<_> {
            let (contexts, _) = contexts(*source, &sample(*source), user);
            contexts.iter().map(|context| context.id).collect()
        };
        assert_eq!(ids(Some("ann")), ids(Some("ann")));
        assert!(ids(Some("ann")).iter().all(|id| !ids(Some("bob")).contains(id)));
    }
}

#[test]
fn long_texts_are_cut_and_their_messages_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conversations.json");
    let text = "ä".repeat(20_000);
    let message = json!({"uuid": "1", "sender": "human", "text": text});
    fs::write(&file, json!([{"uuid": "c", "chat_messages": [message]}]).to_string()).unwrap();
    let (contexts, report) = contexts(Source::Claude, &file, None);
    assert_eq!((contexts[0].text.len(), report.cut), (32_768, 1));
    assert!(contexts[0].message.as_ref().unwrap().json.contains(&text));
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let good = r#"[{"id": "1", "memory": "good"}]"#;
    for (name, bytes) in [
        ("a.json", b"PK\x03\x04archive".as_slice()),
        ("b.json", b"\xff\xfe[\0]\0"),
        ("c.json", br#"[{"id": "2", "memory": "before the end"}, {"id"#),
        ("d.json", br#"{"full_name": "Dev"}"#),
        ("e.json", br#""a text""#),
        ("f.json", b""),
        ("g.json", &[b"\xef\xbb\xbf", good.as_bytes()].concat()),
        ("h.json", br#"{"results": null}"#),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (contexts, report) = contexts(Source::Mem0, folder.path(), None);
    assert_eq!(texts(&contexts), ["before the end", "good"]);
    let failed = failed(&report);
    let details: Vec<_> = failed
        .iter()
        .map(|(place, detail)| format!("{place}: {detail}"))
        .collect();
    for (at, expected) in [
        "a.json: the file is an archive",
        "b.json: the file is UTF-16",
        "c.json: is no JSON of such an export: EOF",
        "d.json: has neither a list nor one named results or memories or relations",
        "e.json: is no JSON of such an export: invalid type: string",
        "f.json: is no JSON of such an export: EOF",
    ]
    .into_iter()
    .enumerate()
    {
        assert!(details[at].starts_with(expected), "{details:?}");
    }
    let nothing = files_of(Source::Chatgpt, folder.path()).unwrap_err().to_string();
    assert!(nothing.contains("has no file `conversations*.json`"), "{nothing}");
}

/// Returns pointers to all values inside of a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                pointers(value, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                pointers(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A value in the place of another one.
fn other_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<Vec<bool>>().prop_map(Value::from),
        Just(json!({"id": [], "text": {}})),
    ]
}

/// A file of a sample, in which a few values or bytes are others.
fn damaged() -> impl Strategy<Value = (Source, PathBuf, Vec<u8>)> {
    let source = prop::sample::select(Source::value_variants());
    let values = prop::collection::vec((any::<prop::sample::Index>(), other_value()), 0..4);
    let bytes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
    (source, any::<prop::sample::Index>(), values, bytes).prop_map(|(source, which, values, bytes)| {
        let files = files_of(source, &sample(source)).unwrap();
        let file = which.get(&files).clone();
        let text = fs::read_to_string(&file).unwrap();
        let document = serde_json::from_str::<Value>(&text).map(|value| vec![value]);
        let mut records: Vec<Value> = document.unwrap_or_else(|_| {
            text.lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect()
        });
        for (at, value) in values {
            if let Some(record) = records.last_mut() {
                let mut found = Vec::new();
                pointers(record, "", &mut found);
                *record.pointer_mut(&found[at.index(found.len())]).unwrap() = value;
                records.rotate_left(1);
            }
        }
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        let mut damaged = if lines.is_empty() { text } else { lines.join("\n") }.into_bytes();
        for (at, byte) in bytes {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        (source, file, damaged)
    })
}

proptest! {
    #[test]
    fn no_input_panics_and_every_context_is_valid((source, file, bytes) in damaged()) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(file.file_name().unwrap());
        fs::write(&file, bytes).unwrap();
        contexts(source, &file, None);
    }
}
