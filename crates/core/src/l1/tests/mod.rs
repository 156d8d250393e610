mod contract;

use super::*;
use crate::context::{ContextId, Level};
use crate::lexical::SparseVector;

fn key(session: &str) -> SessionKey {
    SessionKey {
        tenant: TenantId::try_new("t").unwrap(),
        session: Some(session.to_owned()),
    }
}

fn record(session: &str, text: &str) -> Record {
    let mut context = Context::new(text);
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

fn shared(records: Vec<Record>) -> Vec<Arc<Record>> {
    records.into_iter().map(Arc::new).collect()
}

/// Fills a session without concurrent changes.
fn fill(l1: &L1, session: &str, records: Vec<Record>) {
    let generation = l1.read(&key(session));
    assert!(l1.fill(&key(session), generation, &shared(records)));
}

#[tokio::test]
async fn a_session_keeps_its_order_until_its_contexts_leave_the_level() {
    let l1 = L1::new(100);
    let old = record("s", "a");
    fill(&l1, "s", vec![old.clone(), record("s", "b")]);
    let generation = l1.generation(&key("s")).unwrap();
    assert!(l1.push(&key("s"), shared(vec![record("s", "c")]), generation));
    assert_eq!(texts(&l1, "s").unwrap(), ["a", "b", "c"]);
    let moved = Context {
        level: Level::ShortTerm,
        ..old.context
    };
    l1.changed(&key("s").tenant, &moved, None);
    assert_eq!((texts(&l1, "s").unwrap().len(), l1.len()), (2, 2));
}

#[tokio::test]
async fn reads_and_stores_that_began_before_a_change_are_refused() {
    let l1 = L1::new(100);
    let (tenant, s) = (key("s").tenant, key("s"));
    let generation = l1.read(&s);
    l1.deleted(&tenant, &Filter::by_ids(vec![ContextId::generate()]));
    assert!(!l1.fill(&s, generation, &shared(vec![record("s", "deleted meanwhile")])));
    assert_eq!((texts(&l1, "s"), l1.generation(&s)), (None, None));
    fill(&l1, "s", Vec::new());
    let generation = l1.generation(&s).unwrap();
    l1.deleted(&tenant, &Filter::by_ids(vec![ContextId::generate()]));
    assert!(!l1.push(&s, shared(vec![record("s", "deleted meanwhile")]), generation));
}

#[tokio::test]
async fn changes_of_other_sessions_and_tenants_have_no_effect() {
    let l1 = L1::new(100);
    let s = key("s");
    let generation = l1.read(&s);
    l1.changed(&s.tenant, &record("another", "x").context, None);
    let of_another = Filter {
        session_id: Some("another".to_owned()),
        ..Filter::default()
    };
    l1.deleted(&s.tenant, &of_another);
    l1.deleted(&TenantId::try_new("u").unwrap(), &Filter::default());
    assert!(l1.fill(&s, generation, &shared(vec![record("s", "a")])));
}

#[tokio::test(start_paused = true)]
async fn only_idle_sessions_are_evicted() {
    let l1 = L1::new(100);
    fill(&l1, "old", vec![record("old", "a")]);
    tokio::time::advance(Duration::from_mins(1)).await;
    fill(&l1, "new", vec![record("new", "b")]);
    l1.read(&key("given up"));
    assert_eq!(l1.evict_idle(Duration::from_secs(30)), 1);
    assert_eq!((texts(&l1, "old"), l1.len()), (None, 1));
    tokio::time::advance(Duration::from_mins(1)).await;
    l1.evict_idle(Duration::from_secs(30));
    assert_eq!(l1.sessions.len(), 0, "a read that was given up leaves nothing");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_total_the_session_idle_longest_is_evicted_first() {
    let l1 = L1::new(2);
    for session in ["a", "b", "c"] {
        fill(&l1, session, vec![record(session, "x")]);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!((texts(&l1, "a"), l1.len()), (None, 2));
    assert!(texts(&l1, "c").is_some());
}

#[tokio::test]
async fn changes_and_deletions_are_applied() {
    let l1 = L1::new(100);
    let (mut moved, mut edited, gone) = (record("s", "moved"), record("s", "edited"), record("s", "gone"));
    fill(&l1, "s", vec![moved.clone(), edited.clone(), gone.clone()]);
    moved.context.level = Level::LongTerm;
    edited.context.text = "new text".to_owned();
    let tenant = key("s").tenant;
    l1.changed(&tenant, &moved.context, None);
    l1.changed(&tenant, &edited.context, None);
    assert_eq!(texts(&l1, "s").unwrap(), ["new text", "gone"]);
    l1.deleted(&tenant, &Filter::by_ids(vec![gone.context.id]));
    assert_eq!((texts(&l1, "s"), l1.len()), (None, 0), "read again at its next use");
}
