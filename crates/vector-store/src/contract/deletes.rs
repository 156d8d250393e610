//! Deleting.

use context_manager_core::context::{Context, Level};
use context_manager_core::ports::VectorStore;
use context_manager_core::{Filter, Visibility};

use super::fixture::{FORWARD, acme, all, by_vector, by_words, context, fill, found, id, record};

/// However many match, all of them are deleted, and counted.
pub async fn deletes_count_exactly(store: &dyn VectorStore) {
    let scope = acme();
    let with_level = |number: u64| {
        let level = if number.is_multiple_of(10) {
            Level::LongTerm
        } else {
            Level::ShortTerm
        };
        record(Context {
            level,
            ..context(number)
        })
    };
    for chunk in 0..3 {
        let records = (0..500).map(|number| with_level(chunk * 500 + number)).collect();
        store.upsert(&scope, records).await.unwrap();
    }
    let short_term = Filter {
        levels: vec![Level::ShortTerm],
        ..Filter::default()
    };
    assert_eq!(store.delete(&scope, &short_term).await.unwrap(), 1350);
    assert_eq!(store.count(&scope, &short_term).await.unwrap(), 0);
    assert_eq!(store.count(&scope, &Filter::default()).await.unwrap(), 150);
    assert_eq!(store.delete(&scope, &Filter::default()).await.unwrap(), 150);
    assert_eq!(store.delete(&scope, &Filter::default()).await.unwrap(), 0);
}

/// What is discarded is gone as if it was deleted, and counted.
pub async fn discarding_deletes(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, 1..=3).await;
    assert_eq!(
        store
            .discard(&scope, &Filter::by_ids(vec![id(2), id(9)]))
            .await
            .unwrap(),
        1
    );
    assert_eq!(all(store, &scope, Filter::default()).await, [id(3), id(1)]);
    assert_eq!(store.discard(&scope, &Filter::default()).await.unwrap(), 2);
}

/// Deleting what is not there deletes nothing.
pub async fn deleting_nothing_is_no_error(store: &dyn VectorStore) {
    let scope = acme();
    assert_eq!(store.delete(&scope, &Filter::default()).await.unwrap(), 0);
    fill(store, &scope, 1..=2).await;
    assert_eq!(store.delete(&scope, &Filter::by_ids(vec![id(3)])).await.unwrap(), 0);
    assert_eq!(
        store
            .delete(&scope, &Filter::by_ids(vec![id(2), id(3), id(2)]))
            .await
            .unwrap(),
        1
    );
    assert_eq!(all(store, &scope, Filter::default()).await, [id(1)]);
}

/// What was deleted cannot be had in any way, and its id can be used again.
pub async fn what_is_deleted_is_gone_everywhere(store: &dyn VectorStore) {
    let scope = acme();
    let in_session = |number| {
        record(Context {
            session_id: Some("s".to_owned()),
            ..context(number)
        })
    };
    store.upsert(&scope, vec![in_session(1), in_session(2)]).await.unwrap();
    assert_eq!(store.delete(&scope, &Filter::by_ids(vec![id(1)])).await.unwrap(), 1);

    assert_eq!(store.get(&scope, &[id(1)]).await.unwrap(), []);
    assert_eq!(all(store, &scope, Filter::default()).await, [id(2)]);
    assert_eq!(found(store, &scope, by_vector(&FORWARD)).await, [id(2)]);
    assert_eq!(found(store, &scope, by_words(&[1])).await, [id(2)]);
    assert_eq!(
        store
            .find_by_content(&scope, &[context(1).content_key()])
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        store.sessions(&scope, Visibility::All, None, 10).await.unwrap().items[0]
            .counts
            .iter()
            .sum::<u64>(),
        1
    );

    store.upsert(&scope, vec![in_session(1)]).await.unwrap();
    assert_eq!(found(store, &scope, by_words(&[1])).await, [id(1), id(2)]);
}
