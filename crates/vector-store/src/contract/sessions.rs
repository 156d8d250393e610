//! Session summaries.

use context_manager_core::context::{Context, Level, Superseded};
use context_manager_core::ports::{SessionSummary, VectorStore};
use context_manager_core::{Filter, Visibility};

use super::fixture::{acme, context_with, delete, fill, filter_with, id, put, time, update, visible};

fn in_session(number: u64, session: &str, level: Level) -> Context {
    context_with(number, |context| {
        context.session_id = Some(session.to_owned());
        context.level = level;
    })
}

/// A summary has counts by level, and the times of the first and the last context.
pub async fn sessions_are_summarised(store: &dyn VectorStore) {
    let scope = acme();
    let contexts = [
        in_session(30, "b", Level::LongTerm),
        in_session(10, "a", Level::Immediate),
        in_session(40, "a", Level::ShortTerm),
        in_session(20, "a", Level::Immediate),
        in_session(50, "gone", Level::Immediate),
    ];
    put(store, &scope, contexts).await;
    // One without a session, one that changes its level, one that is deleted.
    fill(store, &scope, [60]).await;
    update(store, &scope, in_session(20, "a", Level::LongTerm)).await;
    delete(store, &scope, &[50]).await;

    let summary = |session: &str, counts, first, last| SessionSummary {
        session_id: session.to_owned(),
        counts,
        first_activity_at: time(first),
        last_activity_at: time(last),
    };
    let page = store.sessions(&scope, &Filter::default(), None, 10).await.unwrap();
    assert_eq!(
        page.items,
        [summary("a", [1, 1, 1], 10, 40), summary("b", [0, 0, 1], 30, 30)]
    );
    assert_eq!(page.next, None);
}

/// Expired and superseded contexts are not counted, and do not make a session visible.
pub async fn sessions_count_visible_contexts(store: &dyn VectorStore) {
    let scope = acme();
    let expiring = |number, session: &str, at| Context {
        expires_at: Some(time(at)),
        ..in_session(number, session, Level::ShortTerm)
    };
    let mut superseded = in_session(15, "a", Level::LongTerm);
    superseded.superseded_by = Some(Superseded {
        by: id(20),
        at: time(20),
    });
    let contexts = [
        expiring(10, "a", 100),
        superseded,
        in_session(20, "a", Level::LongTerm),
        expiring(25, "a", 101),
        expiring(30, "a", 99),
        expiring(40, "over", 100),
        expiring(50, "still", 101),
    ];
    put(store, &scope, contexts).await;
    let summaries = async |visibility, limit| {
        let page = store.sessions(&scope, &visible(visibility), None, limit).await.unwrap();
        let items = page.items.into_iter().map(|session| {
            let activity = (session.first_activity_at, session.last_activity_at);
            (session.session_id, session.counts, activity)
        });
        (items.collect::<Vec<_>>(), page.next)
    };
    let a = |counts, first, last| ("a".to_owned(), counts, (time(first), time(last)));
    let still = ("still".to_owned(), [0, 1, 0], (time(50), time(50)));
    let over = ("over".to_owned(), [0, 1, 0], (time(40), time(40)));
    let now = time(100);
    assert_eq!(
        summaries(Visibility::Current(now), 10).await,
        (vec![a([0, 1, 1], 20, 25), still.clone()], None)
    );
    assert_eq!(
        summaries(Visibility::Live(now), 1).await,
        (vec![a([0, 1, 2], 15, 25)], Some("a".to_owned()))
    );
    assert_eq!(
        summaries(Visibility::All, 10).await.0,
        [a([0, 3, 2], 10, 30), over, still]
    );
}

/// A filter decides which contexts make up the sessions: those of others neither show nor count, on any page.
pub async fn sessions_are_those_of_the_filter(store: &dyn VectorStore) {
    let scope = acme();
    let of = |user: &str, number, session: &str| Context {
        user_id: Some(user.to_owned()),
        ..in_session(number, session, Level::LongTerm)
    };
    let contexts = [
        of("ann", 10, "shared"),
        of("bob", 20, "shared"),
        of("ann", 30, "a"),
        of("bob", 40, "b"),
        in_session(50, "shared", Level::ShortTerm),
        in_session(60, "nobodys", Level::LongTerm),
    ];
    put(store, &scope, contexts).await;
    let of_user = |user: &str| filter_with(|filter| filter.user_id = Some(user.to_owned()));
    let summary = |session: &str, at| (session.to_owned(), [0, 0, 1], time(at), time(at));
    for (user, expected) in [
        ("ann", [summary("a", 30), summary("shared", 10)]),
        ("bob", [summary("b", 40), summary("shared", 20)]),
    ] {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            // A page of the other user's in between must not change these.
            store.sessions(&scope, &of_user("nobody"), None, 1).await.unwrap();
            let page = store.sessions(&scope, &of_user(user), after.as_deref(), 1).await;
            let page = page.unwrap();
            found.extend(page.items.into_iter().map(|session| {
                let activity = (session.first_activity_at, session.last_activity_at);
                (session.session_id, session.counts, activity.0, activity.1)
            }));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{user}");
    }
    let nothing = filter_with(|filter| filter.ids = Some(Vec::new()));
    assert_eq!(store.sessions(&scope, &nothing, None, 10).await.unwrap().items, []);
}

/// Each session is on exactly one page, in the order of the ids.
pub async fn sessions_are_paged_by_id(store: &dyn VectorStore) {
    let scope = acme();
    let contexts = (0..60).map(|number| in_session(number, &format!("s{:02}", number % 23), Level::LongTerm));
    put(store, &scope, contexts).await;
    let all = Filter::default();
    let page = async |after: Option<&str>, limit| store.sessions(&scope, &all, after, limit).await.unwrap();
    let expected: Vec<String> = (0..23).map(|number| format!("s{number:02}")).collect();
    for limit in [1, 5, 22, 23, 100] {
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = page(after.as_deref(), limit).await;
            assert!(page.items.len() <= limit);
            ids.extend(page.items.into_iter().map(|session| session.session_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids, expected, "pages of {limit}");
    }
    assert_eq!(page(None, 0).await.items, []);
    assert_eq!(page(Some("zzz"), 10).await.items, []);
}
