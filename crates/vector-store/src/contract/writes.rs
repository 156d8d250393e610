//! Writes, and reads by id.

use context_manager_core::Filter;
use context_manager_core::context::{
    Change, ContentKey, Context, Document, DocumentPart, Level, Message, Origin, PastVersion, Revision, Similar,
    Superseded, TextLanguage,
};
use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{ListRequest, Record, StoreErrorKind, VectorStore};
use serde_json::{Value, json};

use super::fixture::{
    DIMENSIONS, FORWARD, acme, all, assert_near, by_vector, by_words, context, context_with, count, delete, direction,
    fill, filter_with, found, get, id, list, nothing, put, record, scope, search, time, update, words,
};

fn mismatch(actual: usize) -> StoreErrorKind {
    let expected = DIMENSIONS;
    StoreErrorKind::DimensionMismatch { expected, actual }
}

/// A repeated upsert changes nothing, and another record with the id replaces all of the first.
pub async fn upserts_replace_and_can_be_repeated(store: &dyn VectorStore) {
    let scope = acme();
    for _ in 0..2 {
        put(store, &scope, [context(1)]).await;
        assert_eq!(get(store, &scope, &[1]).await, [context(1)]);
        assert_eq!(count(store, &scope, &Filter::default()).await, 1);
    }
    let second = Record {
        context: context_with(1, |context| {
            context.text = "another".into();
            context.tags = vec!["new".to_owned()];
        }),
        dense: None,
        terms: words(&[7]),
    };
    store.upsert(&scope, vec![second.clone()]).await.unwrap();
    assert_eq!(get(store, &scope, &[1]).await, [second.context]);
    assert_eq!(count(store, &scope, &Filter::default()).await, 1);
    assert_eq!(found(store, &scope, by_words(&[1])).await, [], "the old words are gone");
    assert_eq!(found(store, &scope, by_words(&[7])).await, [id(1)]);
    let by_old_vector = found(store, &scope, by_vector(&direction(1))).await;
    assert_eq!(by_old_vector, [], "the old vector is gone");
}

/// Of a repeated id in one call, the last record wins.
pub async fn the_last_record_of_a_repeated_id_wins(store: &dyn VectorStore) {
    let scope = acme();
    let with_text = |text: &str| context_with(1, |context| context.text = text.into());
    put(store, &scope, [with_text("first"), context(2), with_text("second")]).await;
    assert_eq!(get(store, &scope, &[1]).await, [with_text("second")]);
    assert_eq!(count(store, &scope, &Filter::default()).await, 2);
}

/// Contexts come in the order of the ids, each once, without unknown ids.
pub async fn get_keeps_the_order_and_skips_unknown_ids(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, 1..=5).await;
    assert_eq!(get(store, &scope, &[4, 99, 2, 5, 4]).await, [4, 2, 5].map(context));
    assert_eq!(get(store, &scope, &[]).await, []);
}

/// Every field of a context is returned as it was stored.
pub async fn every_field_comes_back(store: &dyn VectorStore) {
    let metadata = json!({
        "text": "ä \"quoted\" \n line", "number": 0.1 + 0.2, "large": u64::MAX, "negative": -7, "null": null,
        "nested": {"list": [1, "two", {"three": [true]}]}, "tenant": "not this one", "long": "x".repeat(20_000),
    });
    let Value::Object(metadata) = metadata else {
        unreachable!()
    };
    let revision = |version, change| Revision {
        version,
        at: time(5),
        by: Some("key-1".to_owned()),
        change,
    };
    let full = Context {
        id: id(u64::MAX),
        text: "Grüße \u{1F44B}\nsecond line".to_owned(),
        level: Level::Immediate,
        user_id: Some("user".to_owned()),
        agent_id: Some("agent".to_owned()),
        session_id: Some("session".to_owned()),
        language: Some(TextLanguage {
            tag: "de-CH".to_owned(),
            detected: true,
        }),
        tags: ["b", "a", "ä b"].map(str::to_owned).to_vec(),
        metadata,
        importance: 0.3,
        pinned: true,
        token_count: u32::MAX,
        access_count: u64::MAX,
        occurred_at: "9999-12-31T23:59:59.999Z".parse().unwrap(),
        created_at: time(1),
        updated_at: time(2),
        last_accessed_at: Some(time(3)),
        expires_at: Some("9999-12-01T00:00:00.999Z".parse().unwrap()),
        ttl_secs: Some(u64::MAX),
        embedded: false,
        derived_from: [5, 3, 4].map(id).to_vec(),
        similar_to: vec![Similar {
            id: id(6),
            similarity: 0.97,
        }],
        superseded_by: Some(Superseded { by: id(9), at: time(4) }),
        sequence: (1 << 53) - 1,
        slot: Some(i64::MAX),
        scope: Some("org/größe".to_owned()),
        key: Some("k \u{1F511}".to_owned()),
        origin: Origin::System,
        message: Some(Message {
            role: "tool".to_owned(),
            json: "{\"content\": 1.0,\n \"role\":\"tool\"}".to_owned(),
        }),
        part: Some(DocumentPart {
            document_id: "d".to_owned(),
            digest: "ff".to_owned(),
            index: 0,
            offset: u64::MAX,
            length: u32::MAX,
            headings: vec!["One".to_owned(), "Two".to_owned()],
            document: Some(Document {
                title: Some("T".to_owned()),
                format: "markdown".to_owned(),
                bytes: 7,
                parts: 2,
            }),
        }),
        revision: revision(2, Change::Replaced),
        history: vec![PastVersion {
            revision: revision(1, Change::Stored),
            text: "before".to_owned(),
            language: Some(TextLanguage {
                tag: "de".to_owned(),
                detected: false,
            }),
            level: Level::LongTerm,
            tags: vec!["old".to_owned()],
            metadata: json!({"k": [1]}).as_object().unwrap().clone(),
            importance: 0.25,
            pinned: true,
            ttl_secs: Some(5),
            occurred_at: time(6).into(),
        }],
    };
    let contexts = [full, context(1)];
    let scope = acme();
    put(store, &scope, contexts.clone()).await;
    assert_eq!(get(store, &scope, &[u64::MAX, 1]).await, contexts);
}

/// An updated context keeps its vectors, and is filtered and returned in its new form.
pub async fn updates_keep_vectors(store: &dyn VectorStore) {
    let scope = acme();
    let stored = Record {
        context: context(1),
        dense: Some(vec![0.0, 0.6, 0.8, 0.0]),
        terms: words(&[3, 4]),
    };
    let records = vec![stored.clone(), record(context(2))];
    store.upsert(&scope, records).await.unwrap();
    let Value::Object(metadata) = json!({"new": true}) else {
        unreachable!()
    };
    let changed = Context {
        level: Level::ShortTerm,
        tags: vec!["changed".to_owned()],
        metadata,
        access_count: 7,
        last_accessed_at: Some(time(70)),
        expires_at: Some(time(100)),
        ..stored.context
    };
    update(store, &scope, changed.clone()).await;

    assert_eq!(get(store, &scope, &[1, 2]).await, [changed.clone(), context(2)]);
    let filter = filter_with(|filter| filter.tags_any = vec!["changed".to_owned()]);
    assert_eq!(all(store, &scope, filter.clone()).await, [id(1)]);
    for mut query in [by_vector(&[0.0, 0.6, 0.8, 0.0]), by_words(&[4])] {
        query.filter = filter.clone();
        let found = search(store, &scope, query).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].record.context, changed);
    }
    let request = ListRequest {
        filter,
        limit: 10,
        with_vectors: true,
        ..ListRequest::default()
    };
    let listed = store.list(&scope, request).await.unwrap().items;
    assert_eq!((&listed[0].dense, &listed[0].terms), (&stored.dense, &stored.terms));
}

/// Existing contexts are replaced as a whole and new ones inserted; missing ones and those of another tenant are not created.
pub async fn replace_inserts_new_contexts_and_never_deleted_ones(store: &dyn VectorStore) {
    let (acme, other) = (acme(), scope("other"));
    fill(store, &acme, [1, 2, 3]).await;
    fill(store, &other, [4]).await;
    delete(store, &acme, &[2]).await;

    let changed = |number, text: &str| Record {
        context: context_with(number, |context| {
            context.text = text.into();
            context.superseded_by = Some(Superseded { by: id(9), at: time(9) });
        }),
        dense: Some(vec![0.0, 0.0, 1.0, 0.0]),
        terms: words(&[7]),
    };
    let all_changed = [1, 2, 3, 4, 5].map(|number| changed(number, "changed")).to_vec();
    for (round, new) in [vec![record(context(8)), record(context(9))], Vec::new()]
        .into_iter()
        .enumerate()
    {
        let mut was_there = store.replace(&acme, new, all_changed.clone()).await.unwrap();
        was_there.sort_unstable();
        assert_eq!(was_there, [1, 3].map(id), "round {round}");
        let expected = [
            context(9),
            context(8),
            changed(3, "changed").context,
            changed(1, "changed").context,
        ];
        let listed = list(store, &acme, Filter::default(), None, 10).await.items;
        let listed: Vec<_> = listed.into_iter().map(|record| record.context).collect();
        assert_eq!(listed, expected, "round {round}");
        assert_eq!(get(store, &other, &[4]).await, [context(4)]);
        let by_old_words = found(store, &acme, by_words(&[1])).await;
        assert_eq!(by_old_words, [8, 9].map(id), "the old words are gone");
        assert_eq!(found(store, &acme, by_words(&[7])).await, [1, 3].map(id));
        let nearest = search(store, &acme, by_vector(&[0.0, 0.0, 1.0, 0.0])).await;
        for candidate in nearest {
            let is_changed = candidate.record.context.text == "changed";
            assert_near(candidate.dense, if is_changed { 1.0 } else { 0.0 });
        }
    }

    let repeated = vec![changed(1, "first"), changed(1, "second")];
    assert_eq!(store.replace(&acme, Vec::new(), repeated).await.unwrap(), [id(1)]);
    assert_eq!(get(store, &acme, &[1]).await[0].text, "second");
    let new = vec![record(context(1))];
    assert_eq!(store.replace(&acme, new, Vec::new()).await.unwrap(), []);
    assert_eq!(get(store, &acme, &[1]).await, [context(1)]);
}

/// One bad vector in either list fails the whole call.
pub async fn replace_refuses_bad_vectors_before_any_write(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, [1]).await;
    let pinned = || record(context_with(1, |context| context.pinned = true));
    for vector in [vec![1.0; 3], vec![f32::NAN; 4]] {
        let actual = vector.len();
        let bad = |number| Record {
            dense: Some(vector.clone()),
            ..record(context(number))
        };
        for (new, changed) in [
            (vec![record(context(2)), bad(3)], vec![pinned()]),
            (vec![record(context(2))], vec![pinned(), bad(4)]),
        ] {
            let refused = store.replace(&scope, new, changed).await.unwrap_err();
            assert_eq!(refused.kind, mismatch(actual), "{vector:?}");
        }
    }
    assert_eq!(get(store, &scope, &[1, 2]).await, [context(1)]);
}

/// An acknowledged deletion is not undone by a concurrent change of the deleted contexts.
pub async fn concurrent_writes_do_not_restore_deleted_contexts(store: &dyn VectorStore) {
    let scope = acme();
    let ids = || (1..=10).map(id).collect();
    let contexts = || (1..=10).map(context);
    for round in 0..30 {
        fill(store, &scope, 1..=10).await;
        let everything = Filter::by_ids(ids());
        let delete = async {
            // A little later each round, so that every order of the writes occurs.
            for _ in 0..round % 6 {
                tokio::task::yield_now().await;
            }
            store.delete(&scope, &everything).await
        };
        let (deleted, updated, embedded, replaced) = tokio::join!(
            delete,
            store.update(&scope, contexts().collect()),
            store.set_vectors(&scope, contexts().map(|context| (context, FORWARD.to_vec())).collect()),
            store.replace(&scope, Vec::new(), contexts().map(record).collect()),
        );
        assert_eq!(deleted.unwrap(), 10, "round {round}");
        updated.unwrap();
        embedded.unwrap();
        replaced.unwrap();
        assert_eq!(count(store, &scope, &Filter::default()).await, 0, "round {round}");
    }
}

/// Updates skip unknown ids without an error, and do not create them.
pub async fn updates_skip_unknown_ids(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, [1, 3]).await;
    let pinned = |number| context_with(number, |context| context.pinned = true);
    store.update(&scope, [1, 2, 3].map(pinned).to_vec()).await.unwrap();
    assert_eq!(get(store, &scope, &[1, 2, 3]).await, [pinned(1), pinned(3)]);
    assert_eq!(count(store, &scope, &Filter::default()).await, 2);
}

/// A change of what was read is written where that is still stored. A store that processes share skips contexts that were
/// changed since, any store may, and none creates deleted ones again.
pub async fn changes_apply_to_what_was_read(store: &dyn VectorStore) {
    let scope = acme();
    let pinned = |number| context_with(number, |context| context.pinned = true);
    let important = |number| context_with(number, |context| context.importance = 1.0);
    for with_vectors in [false, true] {
        fill(store, &scope, 1..=3).await;
        update(store, &scope, important(2)).await;
        delete(store, &scope, &[3]).await;
        let written = if with_vectors {
            let changes = [1, 2, 3].map(|number| (context(number), record(pinned(number))));
            store.replace_unchanged(&scope, changes.to_vec()).await.unwrap()
        } else {
            let changes = [1, 2, 3].map(|number| (context(number), pinned(number)));
            store.update_unchanged(&scope, changes.to_vec()).await.unwrap()
        };
        let overwritten = written.contains(&id(2));
        assert!(
            written.contains(&id(1)) && !(store.is_shared() && overwritten),
            "{written:?}"
        );
        let second = if overwritten { pinned(2) } else { important(2) };
        assert_eq!(get(store, &scope, &[1, 2, 3]).await, [pinned(1), second]);
    }
}

/// A dense vector that is set later is found like any other. Sparse vectors stay, and unknown ids are skipped.
pub async fn vectors_can_be_set_later(store: &dyn VectorStore) {
    let scope = acme();
    let waiting = |number| Record {
        dense: None,
        ..record(context_with(number, |context| context.embedded = false))
    };
    store.upsert(&scope, vec![waiting(1), waiting(2)]).await.unwrap();
    assert_eq!(found(store, &scope, by_vector(&FORWARD)).await, []);
    let later = vec![(context(1), FORWARD.to_vec()), (context(3), FORWARD.to_vec())];
    store.set_vectors(&scope, later).await.unwrap();
    let now_found = search(store, &scope, by_vector(&FORWARD)).await;
    assert_eq!(now_found.len(), 1);
    assert_eq!(now_found[0].record.context, context(1));
    assert_near(now_found[0].dense, 1.0);
    assert_eq!(found(store, &scope, by_words(&[1])).await, [1, 2].map(id));
    assert_eq!(get(store, &scope, &[3]).await, []);

    for bad in [vec![1.0], vec![f32::NAN, 0.0, 0.0, 0.0]] {
        let actual = bad.len();
        let vectors = vec![(context(2), FORWARD.to_vec()), (context(1), bad)];
        let refused = store.set_vectors(&scope, vectors).await.unwrap_err();
        assert_eq!(refused.kind, mismatch(actual));
    }
    assert!(!get(store, &scope, &[2]).await[0].embedded, "nothing was written");
    store.set_vectors(&scope, Vec::new()).await.unwrap();
}

/// One bad vector fails the whole call, and nothing is stored.
pub async fn upsert_refuses_bad_vectors_before_any_write(store: &dyn VectorStore) {
    let scope = acme();
    let bad = [
        vec![1.0; 3],
        vec![1.0; 5],
        Vec::new(),
        vec![0.0, f32::NAN, 0.0, 1.0],
        vec![f32::INFINITY, 0.0, 0.0, 0.0],
    ];
    for vector in bad {
        let records = vec![
            record(context(1)),
            Record {
                dense: Some(vector.clone()),
                ..record(context(2))
            },
            record(context(3)),
        ];
        let actual = vector.len();
        let refused = store.upsert(&scope, records).await.unwrap_err();
        assert_eq!(refused.kind, mismatch(actual), "{vector:?}");
        let refused = store.search(&scope, by_vector(&vector)).await.unwrap_err();
        assert_eq!(refused.kind, mismatch(actual), "{vector:?}");
    }
    let infinite = Record {
        context: context(1),
        dense: None,
        terms: SparseVector::new([(1, f32::NAN)]),
    };
    let refused = store.upsert(&scope, vec![infinite]).await.unwrap_err();
    assert!(matches!(refused.kind, StoreErrorKind::DimensionMismatch { .. }));
    assert_eq!(count(store, &scope, &Filter::default()).await, 0);
}

/// The same text of the same owner is found, at every level, even if it has expired.
pub async fn contexts_are_found_by_content(store: &dyn VectorStore) {
    let scope = acme();
    let said = |number, user: &str| {
        context_with(number, |context| {
            context.text = "said twice".into();
            context.user_id = Some(user.to_owned());
        })
    };
    let mut old = said(2, "ann");
    old.expires_at = Some(time(0));
    old.level = Level::ShortTerm;
    put(store, &scope, [said(1, "ann"), old, said(3, "bob"), context(4)]).await;

    let key = |user: &str, text: &str| ContentKey::new(Some(user), None, None, text);
    for (keys, expected) in [
        (vec![key("ann", "said twice")], vec![1, 2]),
        (vec![key("bob", " said twice\r\n"), key("ann", "never said")], vec![3]),
        (
            vec![key("bob", "said twice"), ContentKey::new(None, None, None, "context 4")],
            vec![3, 4],
        ),
        (vec![key("cid", "said twice")], vec![]),
        (vec![], vec![]),
    ] {
        let found = store.find_by_content(&scope, &keys).await.unwrap();
        let mut ids: Vec<_> = found.into_iter().map(|context| context.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, expected.into_iter().map(id).collect::<Vec<_>>(), "{keys:?}");
    }
}

/// A write without contents succeeds.
pub async fn empty_writes_are_no_error(store: &dyn VectorStore) {
    let scope = acme();
    store.upsert(&scope, Vec::new()).await.unwrap();
    store.update(&scope, Vec::new()).await.unwrap();
    assert_eq!(store.replace(&scope, Vec::new(), Vec::new()).await.unwrap(), []);
    assert_eq!(delete(store, &scope, &[]).await, 0);
    assert_eq!(found(store, &scope, nothing()).await, []);
}

/// The fingerprint of the analyzer is the one set last, and terms of weight 0 are kept: they mark the analyzer and the
/// language.
pub async fn the_analyzer_is_known_once_it_is_set(store: &dyn VectorStore) {
    assert_eq!(store.analyzer().await.unwrap(), None);
    for fingerprint in ["1:auto", "2:german"] {
        store.set_analyzer(fingerprint).await.unwrap();
        assert_eq!(store.analyzer().await.unwrap().as_deref(), Some(fingerprint));
    }
    let (scope, terms) = (acme(), SparseVector::new([(7, 0.0), (9, 1.0)]));
    let marked = Record {
        context: context(1),
        dense: None,
        terms: terms.clone(),
    };
    store.upsert(&scope, vec![marked]).await.unwrap();
    assert_eq!(
        store.sample_terms(&scope, &Filter::default(), 9).await.unwrap(),
        [terms]
    );
}

/// Flushing is always allowed and changes nothing; the size can be read.
pub async fn flushing_and_measuring_work(store: &dyn VectorStore) {
    let scope = acme();
    store.flush().await.unwrap();
    fill(store, &scope, 1..=3).await;
    store.flush().await.unwrap();
    store.size_bytes().await.unwrap();
    assert_eq!(count(store, &scope, &Filter::default()).await, 3);
}
