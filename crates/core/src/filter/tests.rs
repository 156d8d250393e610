use super::*;
use crate::context::Superseded;
use crate::engine::test_context;

#[test]
fn visibility_is_no_condition() {
    let mut filter = Filter {
        visibility: Visibility::Live(Timestamp::UNIX_EPOCH),
        ..Filter::default()
    };
    assert!(filter.is_empty());
    filter.ids = Some(Vec::new());
    assert!(!filter.is_empty());
}

#[test]
fn an_outline_hides_tags_and_metadata() {
    let hushed = vec!["hush".to_owned(), "hush".to_owned()];
    let filter = Filter {
        user_id: Some("mira".to_owned()),
        levels: vec![Level::LongTerm],
        tags_any: hushed.clone(),
        tags_all: hushed,
        metadata: [("hush".to_owned(), vec!["hush".into(), "hush".into()])].into(),
        occurred_after: Some(Moment::default()),
        min_importance: Some(0.3),
        ids: Some(vec![ContextId(uuid::Uuid::nil()); 101]),
        ..Filter::default()
    };
    let outline = filter.outline();
    let start = "user_id=mira level=long_term tags_any(2) tags_all(2) metadata(1) \
                 occurred_after=1970-01-01T00:00:00.000Z min_importance=0.3 ids(101)=0000";
    assert!(outline.starts_with(start), "{outline}");
    assert_eq!(outline.matches("00000000-").count(), 100);
    assert!(!outline.contains("hush"));
}

#[test]
fn every_condition_has_its_meaning() {
    let (own, other) = (ContextId::generate(), ContextId::generate());
    let time = |millis| Timestamp::from_millisecond(millis).unwrap();
    let text = |text: &str| Some(text.to_owned());
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let metadata = |value: Value| [("n".to_owned(), vec![value])].into();
    let context = Context {
        id: own,
        level: Level::ShortTerm,
        user_id: text("ann"),
        tags: texts(&["a", "b"]),
        metadata: [("n".to_owned(), 1.into())].into_iter().collect(),
        importance: 0.5,
        occurred_at: Moment::from_millisecond(10),
        expires_at: Some(time(20)),
        derived_from: vec![other],
        superseded_by: Some(Superseded {
            by: other,
            at: time(15),
        }),
        embedded: true,
        ..test_context("text")
    };
    let any = Filter::default;
    let visibility = |visibility| Filter { visibility, ..any() };
    let matching = [
        any(),
        Filter {
            levels: vec![Level::ShortTerm, Level::LongTerm],
            ..any()
        },
        Filter {
            user_id: text("ann"),
            ..any()
        },
        Filter {
            sessionless: true,
            ..any()
        },
        Filter {
            tags_any: texts(&["b", "c"]),
            ..any()
        },
        Filter {
            tags_all: texts(&["b", "a"]),
            ..any()
        },
        Filter {
            metadata: metadata(1.0.into()),
            ..any()
        },
        Filter {
            occurred_after: Some(Moment::from_millisecond(10)),
            ..any()
        },
        Filter {
            occurred_before: Some(Moment::from_millisecond(11)),
            ..any()
        },
        Filter {
            min_importance: Some(0.5),
            ..any()
        },
        Filter::by_ids(vec![other, own]),
        Filter {
            derived_from: vec![own, other],
            ..any()
        },
        Filter {
            embedded: Some(true),
            ..any()
        },
        visibility(Visibility::Live(time(19))),
        visibility(Visibility::Expired(time(20))),
    ];
    for filter in matching {
        assert!(filter.matches(&context), "{filter:?}");
    }
    let others = [
        Filter {
            levels: vec![Level::LongTerm],
            ..any()
        },
        Filter {
            user_id: text("bob"),
            ..any()
        },
        Filter {
            agent_id: text("x"),
            ..any()
        },
        Filter {
            session_id: text("s"),
            ..any()
        },
        Filter {
            tags_any: texts(&["c"]),
            ..any()
        },
        Filter {
            tags_all: texts(&["a", "c"]),
            ..any()
        },
        Filter {
            metadata: metadata("1".into()),
            ..any()
        },
        Filter {
            metadata: metadata(Value::Array(Vec::new())),
            ..any()
        },
        Filter {
            occurred_after: Some(Moment::from_millisecond(11)),
            ..any()
        },
        Filter {
            occurred_before: Some(Moment::from_millisecond(10)),
            ..any()
        },
        Filter {
            min_importance: Some(0.6),
            ..any()
        },
        Filter::by_ids(Vec::new()),
        Filter {
            derived_from: vec![own],
            ..any()
        },
        Filter {
            embedded: Some(false),
            ..any()
        },
        Filter { pinned: true, ..any() },
        visibility(Visibility::Live(time(20))),
        visibility(Visibility::Expired(time(19))),
        visibility(Visibility::Current(time(0))),
    ];
    for filter in others {
        assert!(!filter.matches(&context), "{filter:?}");
    }
}
