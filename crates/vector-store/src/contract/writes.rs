//! Writing, and reading back by id.

use context_manager_core::Filter;
use context_manager_core::context::{ContentKey, Context, Level, Similar, Superseded};
use context_manager_core::ports::{ListRequest, Record, StoreErrorKind, StoreQuery, VectorStore};
use serde_json::{Value, json};

use super::fixture::{
    DIMENSIONS, FORWARD, acme, all, assert_near, by_vector, by_words, context, direction, fill, found, id, list,
    nothing, record, scope, search, time, words,
};

/// Storing the same again changes nothing, and storing something else under the id replaces all of it.
pub async fn upserts_replace_and_can_be_repeated(store: &dyn VectorStore) {
    let scope = acme();
    for _ in 0..2 {
        store.upsert(&scope, vec![record(context(1))]).await.unwrap();
        assert_eq!(store.get(&scope, &[id(1)]).await.unwrap(), [context(1)]);
        assert_eq!(store.count(&scope, &Filter::default()).await.unwrap(), 1);
    }
    let context = Context {
        text: "another".to_owned(),
        tags: vec!["new".to_owned()],
        ..context(1)
    };
    let second = Record {
        context,
        dense: None,
        terms: words(&[7]),
    };
    store.upsert(&scope, vec![second.clone()]).await.unwrap();
    assert_eq!(store.get(&scope, &[id(1)]).await.unwrap(), [second.context]);
    assert_eq!(store.count(&scope, &Filter::default()).await.unwrap(), 1);
    assert_eq!(found(store, &scope, by_words(&[1])).await, [], "the old words are gone");
    assert_eq!(found(store, &scope, by_words(&[7])).await, [id(1)]);
    assert_eq!(
        found(store, &scope, by_vector(&direction(1))).await,
        [],
        "the old vector is gone"
    );
}

/// An id that comes twice in one call stands for its last record.
pub async fn of_a_repeated_id_the_last_stays(store: &dyn VectorStore) {
    let scope = acme();
    let with_text = |text: &str| {
        record(Context {
            text: text.to_owned(),
            ..context(1)
        })
    };
    store
        .upsert(
            &scope,
            vec![with_text("first"), record(context(2)), with_text("second")],
        )
        .await
        .unwrap();
    let texts: Vec<_> = store
        .get(&scope, &[id(1)])
        .await
        .unwrap()
        .into_iter()
        .map(|context| context.text)
        .collect();
    assert_eq!(texts, ["second"]);
    assert_eq!(store.count(&scope, &Filter::default()).await.unwrap(), 2);
}

/// Contexts come in the order of the ids, each once, and unknown ids are passed over.
pub async fn get_keeps_the_order_and_passes_over_unknown_ids(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, 1..=5).await;
    let ids = [4, 99, 2, 5, 4].map(id);
    let got: Vec<_> = store
        .get(&scope, &ids)
        .await
        .unwrap()
        .into_iter()
        .map(|context| context.id)
        .collect();
    assert_eq!(got, [4, 2, 5].map(id));
    assert_eq!(store.get(&scope, &[]).await.unwrap(), []);
}

/// Nothing of a context is lost or changed.
pub async fn every_field_comes_back(store: &dyn VectorStore) {
    let metadata = json!({
        "text": "ä \"quoted\" \n line", "number": 0.1 + 0.2, "large": u64::MAX, "negative": -7, "null": null,
        "nested": {"list": [1, "two", {"three": [true]}]}, "tenant": "not this one", "long": "x".repeat(20_000),
    });
    let Value::Object(metadata) = metadata else {
        unreachable!()
    };
    let full = Context {
        id: id(u64::MAX),
        text: "Grüße \u{1F44B}\nsecond line".to_owned(),
        level: Level::Immediate,
        user_id: Some("user".to_owned()),
        agent_id: Some("agent".to_owned()),
        session_id: Some("session".to_owned()),
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
    };
    let contexts = [full, context(1)];
    let scope = acme();
    store
        .upsert(&scope, contexts.iter().cloned().map(record).collect())
        .await
        .unwrap();
    assert_eq!(store.get(&scope, &[id(u64::MAX), id(1)]).await.unwrap(), contexts);
}

/// What was stored with a context to find it by still finds it, after it was changed, in its changed form.
pub async fn updates_keep_vectors_and_words(store: &dyn VectorStore) {
    let scope = acme();
    let stored = Record {
        context: context(1),
        dense: Some(vec![0.0, 0.6, 0.8, 0.0]),
        terms: words(&[3, 4]),
    };
    store
        .upsert(&scope, vec![stored.clone(), record(context(2))])
        .await
        .unwrap();
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
    store.update(&scope, vec![changed.clone()]).await.unwrap();

    assert_eq!(
        store.get(&scope, &[id(1), id(2)]).await.unwrap(),
        [changed.clone(), context(2)]
    );
    let filter = Filter {
        tags_any: vec!["changed".to_owned()],
        ..Filter::default()
    };
    assert_eq!(
        all(store, &scope, filter.clone()).await,
        [id(1)],
        "it is filtered by what it is now"
    );
    for query in [by_vector(&[0.0, 0.6, 0.8, 0.0]), by_words(&[4])] {
        let found = search(
            store,
            &scope,
            StoreQuery {
                filter: filter.clone(),
                ..query
            },
        )
        .await;
        assert_eq!(
            found
                .iter()
                .map(|candidate| &candidate.record.context)
                .collect::<Vec<_>>(),
            [&changed]
        );
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

/// Checks that existing contexts are replaced as a whole, that new ones are inserted beside them, and that missing ones
/// and another tenant's are not created.
pub async fn replacing_inserts_what_is_new_and_never_what_is_gone(store: &dyn VectorStore) {
    let (acme, other) = (acme(), scope("other"));
    fill(store, &acme, [1, 2, 3]).await;
    fill(store, &other, [4]).await;
    store.delete(&acme, &Filter::by_ids(vec![id(2)])).await.unwrap();

    let changed = |number, text: &str| Record {
        context: Context {
            text: text.to_owned(),
            superseded_by: Some(Superseded { by: id(9), at: time(9) }),
            ..context(number)
        },
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
        assert_eq!(store.get(&other, &[id(4)]).await.unwrap(), [context(4)]);
        assert_eq!(
            found(store, &acme, by_words(&[1])).await,
            [8, 9].map(id),
            "the old words are gone"
        );
        assert_eq!(found(store, &acme, by_words(&[7])).await, [1, 3].map(id));
        let nearest = search(store, &acme, by_vector(&[0.0, 0.0, 1.0, 0.0])).await;
        for candidate in nearest {
            let is_changed = candidate.record.context.text == "changed";
            assert_near(candidate.dense, if is_changed { 1.0 } else { 0.0 });
        }
    }

    let repeated = vec![changed(1, "first"), changed(1, "second")];
    assert_eq!(store.replace(&acme, Vec::new(), repeated).await.unwrap(), [id(1)]);
    assert_eq!(store.get(&acme, &[id(1)]).await.unwrap()[0].text, "second");
    assert_eq!(
        store
            .replace(&acme, vec![record(context(1))], Vec::new())
            .await
            .unwrap(),
        []
    );
    assert_eq!(store.get(&acme, &[id(1)]).await.unwrap(), [context(1)]);
}

/// One bad vector on either side refuses the whole call.
pub async fn replacing_refuses_bad_vectors_before_anything_is_written(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, [1]).await;
    let pinned = || {
        record(Context {
            pinned: true,
            ..context(1)
        })
    };
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
            assert_eq!(
                refused.kind,
                StoreErrorKind::DimensionMismatch { expected: 4, actual },
                "{vector:?}"
            );
        }
    }
    assert_eq!(store.get(&scope, &[1, 2].map(id)).await.unwrap(), [context(1)]);
}

/// A deletion that is acknowledged is not undone by a change of what it deleted that was asked for at the same time.
pub async fn what_is_deleted_stays_gone_whatever_is_written_meanwhile(store: &dyn VectorStore) {
    let scope = acme();
    let ids = || (1..=10).map(id).collect();
    let contexts = || (1..=10).map(context);
    for round in 0..30 {
        fill(store, &scope, 1..=10).await;
        let everything = Filter::by_ids(ids());
        let delete = async {
            // Each round a little later among the others, so that every order of them occurs.
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
        assert_eq!(
            store.count(&scope, &Filter::default()).await.unwrap(),
            0,
            "round {round}"
        );
    }
}

/// Updating what is not there makes nothing, and harms nothing.
pub async fn updates_pass_over_unknown_ids(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, [1, 3]).await;
    let pinned = |number| Context {
        pinned: true,
        ..context(number)
    };
    store
        .update(&scope, vec![pinned(1), pinned(2), pinned(3)])
        .await
        .unwrap();
    assert_eq!(
        store.get(&scope, &[1, 2, 3].map(id)).await.unwrap(),
        [pinned(1), pinned(3)]
    );
    assert_eq!(store.count(&scope, &Filter::default()).await.unwrap(), 2);
}

/// A vector that comes later is found like any other; words stay, and what is not there stays away.
pub async fn vectors_can_come_later(store: &dyn VectorStore) {
    let scope = acme();
    let waiting = |number| Record {
        dense: None,
        ..record(Context {
            embedded: false,
            ..context(number)
        })
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
    assert_eq!(store.get(&scope, &[id(3)]).await.unwrap(), []);

    for bad in [vec![1.0], vec![f32::NAN, 0.0, 0.0, 0.0]] {
        let refused = store
            .set_vectors(&scope, vec![(context(2), FORWARD.to_vec()), (context(1), bad)])
            .await;
        let kind = refused.unwrap_err().kind;
        assert!(matches!(
            kind,
            StoreErrorKind::DimensionMismatch {
                expected: DIMENSIONS,
                ..
            }
        ));
    }
    assert!(
        !store.get(&scope, &[id(2)]).await.unwrap()[0].embedded,
        "nothing of it was written"
    );
    store.set_vectors(&scope, Vec::new()).await.unwrap();
}

/// One bad vector refuses the whole call, and nothing of it is stored.
pub async fn bad_vectors_are_refused_before_anything_is_written(store: &dyn VectorStore) {
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
                context: context(2),
                dense: Some(vector.clone()),
                terms: words(&[1]),
            },
            record(context(3)),
        ];
        let actual = vector.len();
        let refused = store.upsert(&scope, records).await.unwrap_err();
        assert_eq!(
            refused.kind,
            StoreErrorKind::DimensionMismatch { expected: 4, actual },
            "{vector:?}"
        );
        let refused = store.search(&scope, by_vector(&vector)).await.unwrap_err();
        assert_eq!(
            refused.kind,
            StoreErrorKind::DimensionMismatch { expected: 4, actual },
            "{vector:?}"
        );
    }
    let infinite = Record {
        context: context(1),
        dense: None,
        terms: words(&[1]),
    };
    let infinite = Record {
        terms: context_manager_core::lexical::SparseVector::new([(1, f32::NAN)]),
        ..infinite
    };
    let refused = store.upsert(&scope, vec![infinite]).await.unwrap_err();
    assert!(matches!(refused.kind, StoreErrorKind::DimensionMismatch { .. }));
    assert_eq!(store.count(&scope, &Filter::default()).await.unwrap(), 0);
}

/// The same text in the same scope is found, at every level and whether or not it is still served.
pub async fn contexts_are_found_by_content(store: &dyn VectorStore) {
    let scope = acme();
    let said = |number, user: &str, level| Context {
        text: "said twice".to_owned(),
        user_id: Some(user.to_owned()),
        level,
        ..context(number)
    };
    let old = Context {
        expires_at: Some(time(0)),
        ..said(2, "ann", Level::ShortTerm)
    };
    let contexts = [
        said(1, "ann", Level::LongTerm),
        old,
        said(3, "bob", Level::LongTerm),
        context(4),
    ];
    store
        .upsert(&scope, contexts.into_iter().map(record).collect())
        .await
        .unwrap();

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
        let mut ids: Vec<_> = store
            .find_by_content(&scope, &keys)
            .await
            .unwrap()
            .into_iter()
            .map(|context| context.id)
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, expected.into_iter().map(id).collect::<Vec<_>>(), "{keys:?}");
    }
}

/// Writing nothing is done at once.
pub async fn empty_writes_are_no_error(store: &dyn VectorStore) {
    let scope = acme();
    store.upsert(&scope, Vec::new()).await.unwrap();
    store.update(&scope, Vec::new()).await.unwrap();
    assert_eq!(store.replace(&scope, Vec::new(), Vec::new()).await.unwrap(), []);
    assert_eq!(store.delete(&scope, &Filter::by_ids(Vec::new())).await.unwrap(), 0);
    assert_eq!(found(store, &scope, nothing()).await, []);
}

/// Flushing is always allowed and changes nothing; the size can be asked for.
pub async fn flushing_and_measuring_work(store: &dyn VectorStore) {
    let scope = acme();
    store.flush().await.unwrap();
    fill(store, &scope, 1..=3).await;
    store.flush().await.unwrap();
    store.size_bytes().await.unwrap();
    assert_eq!(store.count(&scope, &Filter::default()).await.unwrap(), 3);
}
