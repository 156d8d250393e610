use context_manager_core::context::{Change, Document, DocumentPart, Level, Message, PastVersion};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn scope() -> Scope {
    Scope::authenticated(TenantId::try_new("acme").unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-60_000_000_000_000_i64..250_000_000_000_000).prop_map(|millis| Timestamp::from_millisecond(millis).unwrap())
}

fn id() -> impl Strategy<Value = ContextId> {
    any::<u128>().prop_map(|id| ContextId(Uuid::from_u128(id)))
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z.]{1,6}", inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

prop_compose! {
    fn context()(
        (id, text, level, importance) in (id(), ".{0,60}", 0..3_usize, 0.0_f32..=1.0),
        owners in proptest::array::uniform3(proptest::option::of(".{0,12}")),
        tags in vec(".{0,8}", 0..4),
        metadata in btree_map(".{0,8}", json_value(), 0..4),
        (pinned, embedded, token_count, access_count) in any::<(bool, bool, u32, u64)>(),
        times in proptest::array::uniform3(time()),
        optional_times in proptest::array::uniform3(proptest::option::of(time())),
        (ttl_secs, slot, sequence) in (any::<Option<u64>>(), any::<Option<i64>>(), 0_u64..1 << 53),
        derived_from in vec(id(), 0..3),
        similar_to in vec((id(), 0.0_f32..=1.0).prop_map(|(id, similarity)| Similar { id, similarity }), 0..3),
        replaced_by in id(),
        (scope, key) in (proptest::option::of("[a-z/]{1,9}"), proptest::option::of(".{1,9}")),
        origin in 0..Origin::ALL.len(),
        message in proptest::option::of((".{1,5}", ".{0,9}").prop_map(|(role, json)| Message { role, json })),
        part in proptest::option::of(part()),
        revision in revision(),
        history in vec(past_version(), 0..3),
        language in proptest::option::of(("[a-z]{2}", any::<bool>()).prop_map(|(tag, detected)| TextLanguage { tag, detected })),
    ) -> Context {
        let [user_id, agent_id, session_id] = owners;
        Context {
            id, text, level: Level::ALL[level], user_id, agent_id, session_id, tags, importance, pinned, token_count,
            metadata: metadata.into_iter().collect(),
            access_count, occurred_at: times[0].into(), created_at: times[1], updated_at: times[2],
            last_accessed_at: optional_times[0], expires_at: optional_times[1], ttl_secs, embedded, derived_from, similar_to,
            superseded_by: optional_times[2].map(|at| Superseded { by: replaced_by, at }),
            sequence, slot, language, scope, key, origin: Origin::ALL[origin], message, part, revision, history,
        }
    }
}

prop_compose! {
    fn part()(
        (document_id, title, format, digest) in (".{1,5}", proptest::option::of(".{0,5}"), "[a-z]{1,4}", "[0-9a-f]{4}"),
        (index, offset, length, bytes, parts) in any::<(u32, u64, u32, u64, u32)>(),
        headings in vec(".{0,5}", 0..3),
        is_first in any::<bool>(),
    ) -> DocumentPart {
        let document = is_first.then_some(Document { title, format, bytes, parts });
        DocumentPart { document_id, digest, index, offset, length, headings, document }
    }
}

prop_compose! {
    fn revision()(
        version in any::<u32>(), at in time(), by in proptest::option::of(".{0,5}"), change in 0..Change::ALL.len(),
    ) -> Revision {
        Revision { version, at, by, change: Change::ALL[change] }
    }
}

prop_compose! {
    fn past_version()(
        revision in revision(),
        text in ".{0,9}",
        language in proptest::option::of(("[a-z]{2}", any::<bool>()).prop_map(|(tag, detected)| TextLanguage { tag, detected })),
        level in 0..Level::ALL.len(),
        tags in vec(".{0,5}", 0..3),
        metadata in btree_map(".{0,8}", json_value(), 0..3),
        importance in 0.0_f32..=1.0,
        (pinned, ttl_secs) in any::<(bool, Option<u64>)>(),
        occurred_at in time(),
    ) -> PastVersion {
        PastVersion {
            revision, text, language, level: Level::ALL[level], tags, metadata: metadata.into_iter().collect(), importance, pinned,
            ttl_secs, occurred_at: occurred_at.into(),
        }
    }
}

proptest! {
    #[test]
    fn a_context_survives_being_stored_as_text(context in context()) {
        let payload = encode(&scope(), context.clone()).unwrap();
        let text = serde_json::to_string(&payload).unwrap();
        let read = decode(scope().tenant(), serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(&read, &context);
        let read = decode_sealed(scope().tenant(), serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(read, context);
    }
}

fn sample() -> Context {
    let payload = json!({
        "tenant": "acme", "id": Uuid::from_u128(7), "text": "likes tea", "level": "long_term", "importance": 0.5,
        "tokens": 2, "accesses": 0, "occurred": 1000, "created": 2000, "updated": 2000, "expires": NEVER,
        "embedded": true, "sequence": 2_000_000,
    });
    let Value::Object(payload) = payload else {
        unreachable!()
    };
    decode(scope().tenant(), payload).unwrap()
}

#[test]
fn payloads_of_earlier_versions_are_decoded() {
    let context = sample();
    assert_eq!(
        (context.level, context.expires_at, context.slot),
        (Level::LongTerm, None, None)
    );
    assert_eq!(context.created_at.as_millisecond(), 2000);
}

#[test]
fn a_changed_payload_fails_its_checksum() {
    let payload = encode(&scope(), sample()).unwrap();
    for (key, value) in payload.iter().filter(|(key, _)| *key != canonical::SEAL) {
        let changed = match value {
            Value::String(text) => Value::from(format!("{text}x")),
            Value::Number(number) => Value::from(number.as_f64().unwrap() + 1.0),
            other @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => json!([other]),
        };
        let mut payload = payload.clone();
        payload.insert(key.clone(), changed);
        let read = decode_sealed(scope().tenant(), payload);
        assert!(matches!(read, Err(Malformed::Damaged)), "{key}");
    }
    let mut unsealed = payload;
    unsealed.remove(canonical::SEAL);
    assert_eq!(decode_sealed(scope().tenant(), unsealed).unwrap(), sample());
}

#[test]
fn a_context_of_another_tenant_is_refused() {
    let payload = encode(&scope(), sample()).unwrap();
    let other = TenantId::try_new("other").unwrap();
    assert!(matches!(decode(&other, payload), Err(Malformed::Tenant)));
}

#[test]
fn every_filtered_key_is_encoded() {
    let Value::Object(metadata) = json!({"kind": "note", "nested": {"list": [1, 2]}}) else {
        unreachable!()
    };
    let context = Context {
        metadata,
        user_id: Some("ann".to_owned()),
        agent_id: Some("bot".to_owned()),
        language: Some(TextLanguage {
            tag: "de-AT".to_owned(),
            detected: true,
        }),
        tags: vec!["x".to_owned(), "y".to_owned()],
        slot: Some(-3),
        ..sample()
    };
    let payload = encode(&scope(), context.clone()).unwrap();
    assert_eq!(payload[key::TENANT], "acme");
    assert_eq!(payload[key::LEVEL], "long_term");
    assert_eq!(payload[key::SLOT], -3);
    let same_text = format!("c:{}", context.content_key().as_str());
    let facts = [
        &same_text,
        "u:ann",
        "a:bot",
        "l:de-at",
        "l:de",
        "t:x",
        "t:y",
        "m:kind=\"note\"",
        "m:nested.list=1",
        "m:nested.list=2",
        "e:yes",
    ];
    assert_eq!(payload[key::FACTS], json!(facts));
    assert_eq!(
        (&payload[key::EXPIRES], &payload[key::VISIBLE]),
        (&json!(NEVER), &json!(NEVER))
    );

    let superseded_by = Some(Superseded {
        by: ContextId(Uuid::from_u128(8)),
        at: Timestamp::UNIX_EPOCH,
    });
    let superseded = Context {
        superseded_by,
        ..context
    };
    let payload = encode(&scope(), superseded).unwrap();
    assert_eq!(
        (&payload[key::EXPIRES], &payload[key::VISIBLE]),
        (&json!(NEVER), &json!(ALWAYS))
    );
}
