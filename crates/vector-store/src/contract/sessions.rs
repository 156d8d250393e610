//! Sessions at a glance.

use context_manager_core::context::{Context, Level, Superseded};
use context_manager_core::ports::{SessionSummary, VectorStore};
use context_manager_core::{Filter, Visibility};

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
    let page = store.sessions(&scope, Visibility::All, None, 10).await.unwrap();
    assert_eq!(
        page.items,
        [summary("a", [1, 1, 1], 10, 40), summary("b", [0, 0, 1], 30, 30)]
    );
    assert_eq!(page.next, None);
}

/// Checks that expired and superseded contexts count for nothing, also where a session has nothing else.
pub async fn sessions_count_what_is_visible(store: &dyn VectorStore) {
    let scope = acme();
    let expiring = |number, session: &str, at| Context {
        expires_at: Some(time(at)),
        ..in_session(number, session, Level::ShortTerm)
    };
    let superseded = Context {
        superseded_by: Some(Superseded {
            by: id(20),
            at: time(20),
        }),
        ..in_session(15, "a", Level::LongTerm)
    };
    let contexts = [
        expiring(10, "a", 100),
        superseded,
        in_session(20, "a", Level::LongTerm),
        expiring(25, "a", 101),
        expiring(30, "a", 99),
        expiring(40, "over", 100),
        expiring(50, "still", 101),
    ];
    let records = contexts.into_iter().map(record).collect();
    store.upsert(&scope, records).await.unwrap();
    let at_a_glance = async |visibility, limit| {
        let page = store.sessions(&scope, visibility, None, limit).await.unwrap();
        let summaries = page.items.into_iter().map(|session| {
            let activity = (session.first_activity_at, session.last_activity_at);
            (session.session_id, session.counts, activity)
        });
        (summaries.collect::<Vec<_>>(), page.next)
    };
    let a = |counts, first, last| ("a".to_owned(), counts, (time(first), time(last)));
    let still = ("still".to_owned(), [0, 1, 0], (time(50), time(50)));
    let over = ("over".to_owned(), [0, 1, 0], (time(40), time(40)));
    let now = time(100);
    assert_eq!(
        at_a_glance(Visibility::Current(now), 10).await,
        (vec![a([0, 1, 1], 20, 25), still.clone()], None)
    );
    assert_eq!(
        at_a_glance(Visibility::Live(now), 1).await,
        (vec![a([0, 1, 2], 15, 25)], Some("a".to_owned()))
    );
    assert_eq!(
        at_a_glance(Visibility::All, 10).await.0,
        [a([0, 3, 2], 10, 30), over, still]
    );
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
            let page = store
                .sessions(&scope, Visibility::All, after.as_deref(), limit)
                .await
                .unwrap();
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
    assert_eq!(
        store.sessions(&scope, Visibility::All, None, 0).await.unwrap().items,
        []
    );
    assert_eq!(
        store
            .sessions(&scope, Visibility::All, Some("zzz"), 10)
            .await
            .unwrap()
            .items,
        []
    );
}
