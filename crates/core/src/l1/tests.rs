use super::*;
use crate::context::{ContextId, Level};
use crate::engine::test_context;
use crate::lexical::SparseVector;

fn key(session: &str) -> SessionKey {
    SessionKey {
        tenant: TenantId::try_new("t").unwrap(),
        session: Some(session.to_owned()),
    }
}

fn record(session: &str, text: &str) -> Record {
    let mut context = test_context(text);
    context.level = Level::Immediate;
    context.session_id = Some(session.to_owned());
    Record {
        context,
        dense: None,
        terms: SparseVector::default(),
    }
}

fn texts(l1: &L1, session: &str) -> Option<Vec<String>> {
    Some(
        l1.snapshot(&key(session))?
            .iter()
            .map(|entry| entry.context.text.clone())
            .collect(),
    )
}

#[tokio::test]
async fn a_session_keeps_its_newest_in_order_and_returns_the_rest() {
    let l1 = L1::new(2, 100);
    assert!(l1.fill(&key("s"), vec![record("s", "a"), record("s", "b")], l1.epoch()));
    let overflow = l1.push(&key("s"), record("s", "c"));
    assert_eq!(overflow[0].context.text, "a");
    assert_eq!(texts(&l1, "s").unwrap(), ["b", "c"]);
    assert_eq!(l1.len(), 2);
}

#[tokio::test]
async fn a_read_that_began_before_a_change_is_refused() {
    let l1 = L1::new(2, 100);
    let epoch = l1.epoch();
    l1.deleted(&key("s").tenant, &Filter::by_ids(vec![ContextId::generate()]));
    assert!(!l1.fill(&key("s"), vec![record("s", "deleted meanwhile")], epoch));
    assert_eq!(texts(&l1, "s"), None);
    assert!(l1.fill(&key("s"), Vec::new(), l1.epoch()));
}

#[tokio::test(start_paused = true)]
async fn idle_sessions_leave_and_others_stay() {
    let l1 = L1::new(10, 100);
    l1.fill(&key("old"), vec![record("old", "a")], 0);
    tokio::time::advance(Duration::from_mins(1)).await;
    l1.fill(&key("new"), vec![record("new", "b")], 0);
    assert_eq!(l1.evict_idle(Duration::from_secs(30)), 1);
    assert_eq!((texts(&l1, "old"), l1.len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn over_the_total_the_session_idle_longest_leaves_first() {
    let l1 = L1::new(10, 2);
    for session in ["a", "b", "c"] {
        l1.fill(&key(session), vec![record(session, "x")], 0);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!((texts(&l1, "a"), l1.len()), (None, 2));
    assert!(texts(&l1, "c").is_some());
}

#[tokio::test]
async fn changes_and_deletions_are_followed() {
    let l1 = L1::new(10, 100);
    let (mut moved, mut edited, gone) = (record("s", "moved"), record("s", "edited"), record("s", "gone"));
    l1.fill(&key("s"), vec![moved.clone(), edited.clone(), gone.clone()], 0);
    moved.context.level = Level::LongTerm;
    edited.context.text = "new text".to_owned();
    let tenant = key("s").tenant;
    l1.changed(&tenant, &moved.context, None);
    l1.changed(&tenant, &edited.context, None);
    l1.deleted(&tenant, &Filter::by_ids(vec![gone.context.id]));
    assert_eq!(texts(&l1, "s").unwrap(), ["new text"]);
    assert_eq!(l1.len(), 1);
}
