//! Filters match as [`Filter::matches`] defines.

use context_manager_core::context::{
    Context, ContextId, DocumentPart, Level, Message, Origin, Superseded, TextLanguage,
};
use context_manager_core::ports::VectorStore;
use context_manager_core::{Filter, Name, Visibility};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::fixture::{
    FORWARD, acme, all, by_vector, by_words, context, context_with, count, fill, filter_with, found, id, put, time,
    update, visible,
};

/// Returns contexts that differ in every field that a filter can test.
fn diverse() -> Vec<Context> {
    let text = |text: &str| Some(text.to_owned());
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let metadata = |value: Value| value.as_object().unwrap().clone();
    let superseded = |by, at| {
        Some(Superseded {
            by: id(by),
            at: time(at),
        })
    };
    vec![
        Context {
            level: Level::Immediate,
            user_id: text("ann"),
            tags: tags(&["a"]),
            importance: 0.1,
            ..context(1)
        },
        Context {
            level: Level::ShortTerm,
            user_id: text("ann"),
            agent_id: text("x"),
            importance: 0.3,
            language: Some(TextLanguage {
                tag: "pt-BR".to_owned(),
                detected: false,
            }),
            ..context(2)
        },
        Context {
            level: Level::ShortTerm,
            user_id: text("bob"),
            agent_id: text("x"),
            tags: tags(&["a", "b"]),
            ..context(3)
        },
        Context {
            session_id: text("s1"),
            tags: tags(&["b"]),
            slot: Some(i64::MAX - 1),
            ..context(4)
        },
        Context {
            session_id: text("s1"),
            tags: tags(&["a b", "ab"]),
            slot: Some(i64::MAX),
            ..context(5)
        },
        Context {
            session_id: text("s2"),
            user_id: text("Ann"),
            slot: Some(0),
            importance: 1.0,
            ..context(6)
        },
        Context {
            metadata: metadata(json!({"kind": "note", "stars": 5, "draft": false})),
            pinned: true,
            ..context(7)
        },
        Context {
            metadata: metadata(json!({"kind": ["note", "todo"], "stars": 4.5, "by": {"name": "ann"}})),
            ..context(8)
        },
        Context {
            metadata: metadata(json!({"by": {"name": ["bob", "cid"]}, "by.name": "dot", "stars": null})),
            ..context(9)
        },
        Context {
            metadata: metadata(json!({"stars": "5", "long": "z".repeat(4000), "list": [[1, [2]], {"k": 3}]})),
            ..context(10)
        },
        Context {
            embedded: false,
            occurred_at: time(0).into(),
            importance: 0.0,
            ..context(11)
        },
        Context {
            expires_at: Some(time(50)),
            ..context(12)
        },
        Context {
            expires_at: Some(time(150)),
            superseded_by: superseded(1, 20),
            ..context(13)
        },
        Context {
            superseded_by: superseded(12, 80),
            ..context(14)
        },
        Context {
            derived_from: vec![id(1), id(2)],
            ..context(15)
        },
        Context {
            scope: text("org/acme"),
            key: text("theme"),
            ..context(16)
        },
        Context {
            scope: text("org/acme/user/ann"),
            key: text("theme"),
            origin: Origin::Agent,
            ..context(17)
        },
        Context {
            scope: text("org/acme2"),
            origin: Origin::Tool,
            ..context(18)
        },
        Context {
            key: text("theme"),
            origin: Origin::Import,
            ..context(19)
        },
        Context {
            message: Some(Message {
                role: "assistant".to_owned(),
                json: "{}".to_owned(),
            }),
            ..context(20)
        },
        Context {
            part: Some(part("a", 0)),
            ..context(21)
        },
        Context {
            part: Some(part("a", 1)),
            ..context(22)
        },
        Context {
            part: Some(part("b", 0)),
            ..context(23)
        },
    ]
}

fn part(document_id: &str, index: u32) -> DocumentPart {
    DocumentPart {
        document_id: document_id.to_owned(),
        digest: String::new(),
        index,
        offset: 0,
        length: 1,
        headings: Vec::new(),
        document: None,
    }
}

fn filters() -> Vec<Filter> {
    let text = |text: &str| Some(text.to_owned());
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let facts = |facts: &[(&str, Value)]| {
        let one = |(key, value): &(&str, Value)| ((*key).to_owned(), vec![value.clone()]);
        filter_with(|filter| filter.metadata = facts.iter().map(one).collect())
    };
    let one_of = |key: &str, values| filter_with(|filter| filter.metadata = [(key.to_owned(), values)].into());
    let name = |scope: Option<&str>, key: &str| Name {
        scope: scope.map(str::to_owned),
        key: key.to_owned(),
    };
    let a_little = SignedDuration::from_nanos(1);
    let mut filters = vec![
        Filter::default(),
        filter_with(|filter| filter.levels = vec![Level::Immediate]),
        filter_with(|filter| filter.levels = vec![Level::LongTerm, Level::ShortTerm]),
        filter_with(|filter| filter.levels = Level::ALL.to_vec()),
        filter_with(|filter| filter.user_id = text("ann")),
        filter_with(|filter| filter.user_id = text("nobody")),
        filter_with(|filter| filter.agent_id = text("x")),
        filter_with(|filter| {
            filter.agent_id = text("x");
            filter.user_id = text("bob");
        }),
        filter_with(|filter| filter.language = text("PT")),
        filter_with(|filter| filter.language = text("pt-BR")),
        filter_with(|filter| filter.language = text("de")),
        filter_with(|filter| filter.session_id = text("s1")),
        filter_with(|filter| filter.sessionless = true),
        filter_with(|filter| {
            filter.sessionless = true;
            filter.levels = vec![Level::Immediate];
        }),
        filter_with(|filter| filter.scope = text("org/acme")),
        filter_with(|filter| filter.scope = text("org")),
        filter_with(|filter| filter.scope_prefix = text("org")),
        filter_with(|filter| filter.scope_prefix = text("org/acme")),
        filter_with(|filter| filter.scope_prefix = text("acme")),
        filter_with(|filter| filter.names = vec![name(Some("org/acme"), "theme"), name(None, "theme")]),
        filter_with(|filter| filter.names = vec![name(None, "theme")]),
        filter_with(|filter| filter.names = vec![name(Some("org"), "theme")]),
        filter_with(|filter| filter.origins = vec![Origin::User]),
        filter_with(|filter| filter.origins = vec![Origin::Tool, Origin::Agent]),
        filter_with(|filter| filter.origins = Origin::others(&[Origin::Tool])),
        filter_with(|filter| filter.origins = Origin::ALL.to_vec()),
        filter_with(|filter| filter.role = text("assistant")),
        filter_with(|filter| filter.role = text("user")),
        filter_with(|filter| filter.messages = true),
        filter_with(|filter| filter.document_id = text("a")),
        filter_with(|filter| filter.documents = true),
        filter_with(|filter| {
            filter.document_id = text("a");
            filter.documents = true;
        }),
        filter_with(|filter| filter.superseded_by = Some(id(1))),
        filter_with(|filter| filter.superseded_by = Some(id(2))),
        filter_with(|filter| filter.derived_from = vec![id(2), id(99)]),
        filter_with(|filter| filter.derived_from = vec![id(15)]),
        filter_with(|filter| filter.tags_any = tags(&["a", "ab"])),
        filter_with(|filter| filter.tags_any = tags(&["a b"])),
        filter_with(|filter| filter.tags_all = tags(&["a", "b"])),
        filter_with(|filter| filter.tags_all = tags(&["a", "a"])),
        filter_with(|filter| {
            filter.tags_all = tags(&["a"]);
            filter.tags_any = tags(&["b", "c"]);
        }),
        filter_with(|filter| filter.occurred_after = Some(time(9).into())),
        filter_with(|filter| filter.occurred_after = Some((time(9) + SignedDuration::from_millis(1)).into())),
        filter_with(|filter| filter.occurred_before = Some(time(9).into())),
        filter_with(|filter| filter.occurred_before = Some((time(9) + SignedDuration::from_millis(1)).into())),
        filter_with(|filter| {
            filter.occurred_after = Some(time(3).into());
            filter.occurred_before = Some(time(6).into());
        }),
        filter_with(|filter| filter.min_importance = Some(0.0)),
        filter_with(|filter| filter.min_importance = Some(0.3)),
        filter_with(|filter| filter.min_importance = Some(0.31)),
        filter_with(|filter| filter.min_importance = Some(1.0)),
        filter_with(|filter| filter.ids = Some([2, 4, 4, 99].map(id).to_vec())),
        filter_with(|filter| {
            filter.ids = Some([2, 4].map(id).to_vec());
            filter.tags_any = tags(&["b"]);
        }),
        filter_with(|filter| filter.ids = Some(Vec::new())),
        filter_with(|filter| filter.embedded = Some(true)),
        filter_with(|filter| filter.embedded = Some(false)),
        facts(&[("kind", json!("note"))]),
        facts(&[("kind", json!("todo")), ("stars", json!(4.5))]),
        facts(&[("kind", json!("Note"))]),
        facts(&[("stars", json!(5))]),
        facts(&[("stars", json!(5.0))]),
        facts(&[("stars", json!("5"))]),
        facts(&[("stars", Value::Null)]),
        facts(&[("draft", json!(false))]),
        facts(&[("by.name", json!("ann"))]),
        facts(&[("by.name", json!("cid"))]),
        facts(&[("by.name", json!("dot"))]),
        facts(&[("by", json!("ann"))]),
        facts(&[("list", json!(2))]),
        facts(&[("list.k", json!(3))]),
        facts(&[("list", json!([2]))]),
        facts(&[("by", json!({"name": "ann"}))]),
        facts(&[("missing", Value::Null)]),
        facts(&[("long", json!("z".repeat(4000)))]),
        facts(&[("long", json!("z".repeat(3999)))]),
        one_of("stars", vec![json!(4.5), json!(5), json!([1])]),
        one_of("kind", Vec::new()),
    ];
    let now = [0, 19, 20, 49, 50, 51, 80, 149, 150, 1000].map(time);
    let between = time(150) - a_little;
    filters.extend(now.map(|now| visible(Visibility::Current(now))));
    filters.extend(now.map(|now| visible(Visibility::Live(now))));
    filters.extend(now.map(|now| visible(Visibility::Expired(now))));
    filters.extend([
        filter_with(|filter| filter.pinned = true),
        visible(Visibility::Live(between)),
        visible(Visibility::Expired(between)),
        filter_with(|filter| {
            filter.visibility = Visibility::Current(time(50));
            filter.levels = vec![Level::LongTerm];
        }),
    ]);
    filters
}

/// Every condition, alone and combined, matches in every call as it is defined.
pub async fn every_condition_matches_as_defined(store: &dyn VectorStore) {
    let (scope, contexts) = (acme(), diverse());
    put(store, &scope, contexts.clone()).await;
    for filter in filters() {
        let matching = contexts.iter().filter(|context| filter.matches(context));
        let matching: Vec<ContextId> = matching.map(|context| context.id).collect();
        let mut listed = all(store, &scope, filter.clone()).await;
        listed.reverse();
        assert_eq!(listed, matching, "listed with {filter:?}");
        let counted = count(store, &scope, &filter).await;
        assert_eq!(counted, matching.len() as u64, "counted with {filter:?}");
        for mut query in [by_vector(&FORWARD), by_words(&[1])] {
            query.filter = filter.clone();
            assert_eq!(found(store, &scope, query).await, matching, "found with {filter:?}");
        }
    }
    let mut left = contexts.len() as u64;
    let mut filters = filters();
    filters.retain(|filter| filter.visibility == Visibility::All);
    for filter in filters.into_iter().rev() {
        left -= store.delete(&scope, &filter).await.unwrap();
        assert_eq!(count(store, &scope, &filter).await, 0, "left after deleting {filter:?}");
        assert_eq!(
            count(store, &scope, &Filter::default()).await,
            left,
            "left by {filter:?}"
        );
    }
    assert_eq!(left, 0);
}

/// The scopes of matching contexts are counted exactly, after changes and deletions as well.
pub async fn scopes_are_counted(store: &dyn VectorStore) {
    let scope = acme();
    let scoped = |number, path: &str| context_with(number, |context| context.scope = Some(path.to_owned()));
    let contexts = [
        scoped(1, "a"),
        scoped(2, "a/b"),
        scoped(3, "a/b"),
        scoped(4, "c"),
        context(5),
    ];
    put(store, &scope, contexts).await;
    put(store, &super::fixture::scope("other"), [scoped(6, "elsewhere")]).await;
    let counts = async |filter: &Filter| {
        let mut counts = store.count_scopes(&scope, filter).await.unwrap();
        counts.sort();
        counts
    };
    let expected = |counts: &[(&str, u64)]| {
        let counts = counts.iter().map(|(path, count)| ((*path).to_owned(), *count));
        counts.collect::<Vec<_>>()
    };
    let below_a = filter_with(|filter| filter.scope_prefix = Some("a".to_owned()));
    assert_eq!(
        counts(&Filter::default()).await,
        expected(&[("a", 1), ("a/b", 2), ("c", 1)])
    );
    assert_eq!(counts(&below_a).await, expected(&[("a", 1), ("a/b", 2)]));

    update(store, &scope, scoped(1, "c")).await;
    store.delete(&scope, &Filter::by_ids(vec![id(2)])).await.unwrap();
    assert_eq!(counts(&Filter::default()).await, expected(&[("a/b", 1), ("c", 2)]));
    store.delete(&scope, &below_a).await.unwrap();
    assert_eq!(counts(&Filter::default()).await, expected(&[("c", 2)]));
}

/// Expired and superseded contexts are filtered by visibility, also if an update made them so.
pub async fn expired_and_superseded_contexts_are_filtered(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, 1..=3).await;
    update(
        store,
        &scope,
        context_with(1, |context| context.expires_at = Some(time(10))),
    )
    .await;
    let superseded_by = Some(Superseded { by: id(3), at: time(5) });
    update(
        store,
        &scope,
        context_with(2, |context| context.superseded_by = superseded_by),
    )
    .await;

    let now = time(20);
    for (visibility, expected) in [
        (Visibility::Current(now), vec![3]),
        (Visibility::Live(now), vec![3, 2]),
        (Visibility::All, vec![3, 2, 1]),
        (Visibility::Expired(now), vec![1]),
        (Visibility::Expired(time(9)), vec![]),
        (Visibility::Current(time(9)), vec![3, 1]),
    ] {
        let expected: Vec<ContextId> = expected.into_iter().map(id).collect();
        assert_eq!(
            all(store, &scope, visible(visibility)).await,
            expected,
            "{visibility:?}"
        );
    }
    // And back again.
    store.update(&scope, vec![context(1), context(2)]).await.unwrap();
    let current = visible(Visibility::Current(now));
    assert_eq!(all(store, &scope, current).await, [3, 2, 1].map(id));
}
