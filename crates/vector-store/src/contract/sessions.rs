//! Sessions at a glance.

use context_manager_core::Filter;
use context_manager_core::context::{Context, Level};
use context_manager_core::ports::{SessionSummary, VectorStore};

use super::fixture::{acme, context, fill, id, record, time};

fn in_session(number: u64, session: &str, level: Level) -> Context {
    Context {
        session_id: Some(session.to_owned()),
        level,
        ..context(number)
    }
}

/// Counts by level, and when the first and the last context came.
pub async fn sessions_are_summarised(store: &dyn VectorStore) {
    let scope = acme();
    let contexts = [
        in_session(30, "b", Level::LongTerm),
        in_session(10, "a", Level::Immediate),
        in_session(40, "a", Level::ShortTerm),
        in_session(20, "a", Level::Immediate),
        in_session(50, "gone", Level::Immediate),
    ];
    store
        .upsert(&scope, contexts.into_iter().map(record).collect())
        .await
        .unwrap();
    // One without a session, one that changes its level, one that is deleted.
    fill(store, &scope, [60]).await;
    store
        .update(&scope, vec![in_session(20, "a", Level::LongTerm)])
        .await
        .unwrap();
    store.delete(&scope, &Filter::by_ids(vec![id(50)])).await.unwrap();

    let summary = |session: &str, counts, first, last| SessionSummary {
        session_id: session.to_owned(),
        counts,
        first_activity_at: time(first),
        last_activity_at: time(last),
    };
    let page = store.sessions(&scope, None, 10).await.unwrap();
    assert_eq!(
        page.items,
        [summary("a", [1, 1, 1], 10, 40), summary("b", [0, 0, 1], 30, 30)]
    );
    assert_eq!(page.next, None);
}

/// Every session is on exactly one page, in the order of the ids.
pub async fn sessions_are_paged_by_id(store: &dyn VectorStore) {
    let scope = acme();
    let records = (0..60).map(|number| record(in_session(number, &format!("s{:02}", number % 23), Level::LongTerm)));
    store.upsert(&scope, records.collect()).await.unwrap();
    for limit in [1, 5, 22, 23, 100] {
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = store.sessions(&scope, after.as_deref(), limit).await.unwrap();
            assert!(page.items.len() <= limit);
            ids.extend(page.items.into_iter().map(|session| session.session_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(
            ids,
            (0..23).map(|number| format!("s{number:02}")).collect::<Vec<_>>(),
            "pages of {limit}"
        );
    }
    assert_eq!(store.sessions(&scope, None, 0).await.unwrap().items, []);
    assert_eq!(store.sessions(&scope, Some("zzz"), 10).await.unwrap().items, []);
}
