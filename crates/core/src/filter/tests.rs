use super::*;
use crate::context::{Superseded, TextLanguage};

/// Returns the default filter after `change`.
fn with(change: impl FnOnce(&mut Filter)) -> Filter {
    let mut filter = Filter::default();
    change(&mut filter);
    filter
}

#[test]
fn visibility_is_no_condition() {
    let mut filter = with(|filter| filter.visibility = Visibility::Live(Timestamp::UNIX_EPOCH));
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
    let moment = |millis| Some(Moment::from_millisecond(millis));
    let text = |text: &str| Some(text.to_owned());
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let metadata = |value| with(|filter| filter.metadata = [("n".to_owned(), vec![value])].into());
    let visibility = |visibility| with(|filter| filter.visibility = visibility);
    let context = Context {
        id: own,
        level: Level::ShortTerm,
        user_id: text("ann"),
        tags: texts(&["a", "b"]),
        metadata: [("n".to_owned(), 1.into())].into_iter().collect(),
        occurred_at: Moment::from_millisecond(10),
        expires_at: Some(time(20)),
        derived_from: vec![other],
        superseded_by: Some(Superseded {
            by: other,
            at: time(15),
        }),
        language: Some(TextLanguage {
            tag: "pt-BR".to_owned(),
            detected: false,
        }),
        embedded: true,
        ..Context::new("text")
    };
    for (matches, filter) in vec![
        (true, Filter::default()),
        (
            true,
            with(|filter| filter.levels = vec![Level::ShortTerm, Level::LongTerm]),
        ),
        (false, with(|filter| filter.levels = vec![Level::LongTerm])),
        (true, with(|filter| filter.user_id = text("ann"))),
        (false, with(|filter| filter.user_id = text("bob"))),
        (false, with(|filter| filter.agent_id = text("x"))),
        (false, with(|filter| filter.session_id = text("s"))),
        (true, with(|filter| filter.language = text("pt-br"))),
        (true, with(|filter| filter.language = text("PT"))),
        (false, with(|filter| filter.language = text("pt-PT"))),
        (false, with(|filter| filter.language = text("p"))),
        (true, with(|filter| filter.sessionless = true)),
        (true, with(|filter| filter.tags_any = texts(&["b", "c"]))),
        (false, with(|filter| filter.tags_any = texts(&["c"]))),
        (true, with(|filter| filter.tags_all = texts(&["b", "a"]))),
        (false, with(|filter| filter.tags_all = texts(&["a", "c"]))),
        (true, metadata(1.0.into())),
        (false, metadata("1".into())),
        (false, metadata(Value::Array(Vec::new()))),
        (true, with(|filter| filter.occurred_after = moment(10))),
        (false, with(|filter| filter.occurred_after = moment(11))),
        (true, with(|filter| filter.occurred_before = moment(11))),
        (false, with(|filter| filter.occurred_before = moment(10))),
        (true, with(|filter| filter.min_importance = Some(0.5))),
        (false, with(|filter| filter.min_importance = Some(0.6))),
        (true, Filter::by_ids(vec![other, own])),
        (false, Filter::by_ids(Vec::new())),
        (true, with(|filter| filter.derived_from = vec![own, other])),
        (false, with(|filter| filter.derived_from = vec![own])),
        (true, with(|filter| filter.embedded = Some(true))),
        (false, with(|filter| filter.embedded = Some(false))),
        (false, with(|filter| filter.pinned = true)),
        (true, visibility(Visibility::Live(time(19)))),
        (false, visibility(Visibility::Live(time(20)))),
        (true, visibility(Visibility::Expired(time(20)))),
        (false, visibility(Visibility::Expired(time(19)))),
        (false, visibility(Visibility::Current(time(0)))),
    ] {
        assert_eq!(filter.matches(&context), matches, "{filter:?}");
    }
}
