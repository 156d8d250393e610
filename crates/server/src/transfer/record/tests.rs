//! Every context comes back from its line as it was, and no changed line passes.

use context_manager_core::Level;
use context_manager_core::context::{
    Change, Document, DocumentPart, Message, Origin, PastVersion, Revision, TextLanguage,
};
use jiff::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn time() -> impl Strategy<Value = Timestamp> {
    // Years 0 to 9999, whole milliseconds.
    (-62_167_219_200_000_i64..253_402_207_200_000).prop_map(|millis| Timestamp::from_millisecond(millis).unwrap())
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ]
}

fn metadata() -> impl Strategy<Value = Map<String, Value>> {
    let value = scalar().prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".*", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    btree_map(".+", value, 0..4).prop_map(|map| map.into_iter().collect())
}

fn id() -> impl Strategy<Value = ContextId> {
    any::<u128>().prop_map(|bits| ContextId(Uuid::from_u128(bits)))
}

prop_compose! {
    fn place()(
        session_id in option::of(".+"),
        position in option::of(0..=MAX_POSITION),
        sequence in 1_u64..1 << 53,
    ) -> (Option<String>, Option<i64>, u64) {
        let slot = session_id.as_deref().zip(position).map(|(session, at)| SessionTrack::new(session).slot(at));
        (session_id, slot, sequence)
    }
}

prop_compose! {
    fn times()(
        occurred_at in time(),
        created_at in time(),
        updated_at in time(),
        last_accessed_at in option::of(time()),
        expires_at in option::of(time()),
        ttl_secs in option::of(any::<u64>()),
        superseded_by in option::of((id(), time())),
    ) -> Context {
        Context {
            occurred_at: occurred_at.into(),
            created_at,
            updated_at,
            last_accessed_at,
            expires_at,
            ttl_secs,
            embedded: true,
            superseded_by: superseded_by.map(|(by, at)| Superseded { by, at }),
            sequence: 1,
            ..Context::new("")
        }
    }
}

prop_compose! {
    fn versions()(
        revisions in vec((any::<u32>(), time(), option::of(".*"), 0..Change::ALL.len()), 1..4),
        (text, tags, metadata) in (".*", vec(".*", 0..3), metadata()),
        (pinned, ttl_secs) in any::<(bool, Option<u64>)>(),
        occurred_at in time(),
    ) -> (Revision, Vec<PastVersion>) {
        let revisions = revisions.into_iter().map(|(version, at, by, change)| Revision {
            version: version.max(1), at, by, change: Change::ALL[change],
        });
        let mut past: Vec<PastVersion> = revisions.map(|revision| PastVersion {
            revision, text: text.clone(), language: None, level: Level::ShortTerm, tags: tags.clone(),
            metadata: metadata.clone(), importance: 0.25, pinned, ttl_secs, occurred_at: occurred_at.into(),
        }).collect();
        (past.pop().unwrap().revision, past)
    }
}

prop_compose! {
    fn source()(
        message in option::of((".*", ".*").prop_map(|(role, json)| Message { role, json })),
        part in option::of((".*", any::<(u32, u64, u32)>(), vec(".*", 0..3))),
        document in option::of((option::of(".*"), ".*", any::<(u64, u32)>())),
        digest in ".*",
    ) -> (Option<Message>, Option<DocumentPart>) {
        let document = document.map(|(title, format, (bytes, parts))| Document { title, format, bytes, parts });
        let part = part.map(|(document_id, (index, offset, length), headings)| DocumentPart {
            document_id, digest, index, offset, length, headings, document,
        });
        (message, part)
    }
}

prop_compose! {
    fn record()(
        times in times(),
        (session_id, slot, sequence) in place(),
        (id, text, level) in (id(), ".*", 0_usize..3),
        (user_id, agent_id) in (option::of(".*"), option::of(".*")),
        (tags, metadata) in (vec(".*", 0..4), metadata()),
        (importance, pinned, access_count, embedded) in (0.0_f32..=1.0, any::<bool>(), any::<u64>(), any::<bool>()),
        derived_from in vec(id(), 0..4),
        (scope, key) in (option::of(".*"), option::of(".*")),
        origin in (0..Origin::ALL.len()).prop_map(|at| Origin::ALL[at]),
        (message, part) in source(),
        (revision, history) in versions(),
        language in option::of("[a-z]{2}").prop_map(|tag| tag.map(|tag| TextLanguage { tag, detected: false })),
        values in option::of(vec(any::<f32>().prop_filter("finite", |value| value.is_finite()), 0..8)),
    ) -> ExportRecord {
        let model = |dimensions| ModelFingerprint { name: "m".to_owned(), dimensions, probe: "p".to_owned() };
        let context = Context {
            id, text, level: Level::ALL[level], user_id, agent_id, session_id, slot, sequence, tags, metadata, importance,
            pinned, access_count, embedded, derived_from, language, scope, key, origin, message, part, revision, history,
            ..times
        };
        ExportRecord { context, vector: values.map(|values| (model(values.len()), values)) }
    }
}

proptest! {
    #[test]
    fn every_context_comes_back_as_it_was(record in record()) {
        let line = context_line(record.clone());
        prop_assert!(!line.contains(&b'\n'));
        let Ok(Line::Context(read)) = Line::parse(&line) else { panic!("it is a context's line") };
        prop_assert_eq!(*read, record.clone());
        prop_assert_eq!(context_line(record), line);
    }

    #[test]
    fn a_changed_byte_never_passes(record in record(), at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut line = context_line(record);
        let at = at.index(line.len());
        line[at] ^= flip;
        // White space around the parts and the case of the checksum's digits are not checked.
        if let Ok(Line::Context(read)) = Line::parse(&line) {
            let again = context_line(*read);
            prop_assert!(again.eq_ignore_ascii_case(&line), "{}", String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200), text in ".{0,200}") {
        let _refused = Line::parse(&bytes);
        let _refused = Line::parse(text.as_bytes());
    }
}

#[test]
fn header_and_trailer_are_read_and_newer_formats_refused() {
    let model = ModelFingerprint {
        name: "m".to_owned(),
        dimensions: 4,
        probe: "p".to_owned(),
    };
    let header = header_line(model, true);
    assert!(matches!(Line::parse(&header), Ok(Line::Header)));
    let mut lines = LinesHash::default();
    lines.add(&header);
    let trailer = trailer_line(3, &lines);
    assert!(matches!(Line::parse(&trailer), Ok(Line::Trailer(trailer)) if trailer.contexts == 3));
    let newer = String::from_utf8(header)
        .unwrap()
        .replace("\"format\":1", "\"format\":2");
    let problem = serde_json::to_value(Line::parse(newer.as_bytes()).unwrap_err()).unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "/header/format");
}
