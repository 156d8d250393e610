//! Deletion.

use context_manager_core::Filter;
use context_manager_core::context::Level;
use context_manager_core::ports::VectorStore;

use super::fixture::{
    FORWARD, acme, all, by_vector, by_words, context, context_with, count, delete, fill, found, get, id, level, put,
};

/// A deletion of any size deletes all matches and returns their exact number.
pub async fn deletes_count_exactly(store: &dyn VectorStore) {
    let scope = acme();
    let with_level = |number: u64| {
        context_with(number, |context| {
            if !number.is_multiple_of(10) {
                context.level = Level::ShortTerm;
            }
        })
    };
    for chunk in 0..3 {
        put(store, &scope, (chunk * 500..(chunk + 1) * 500).map(with_level)).await;
    }
    let (everything, short_term) = (Filter::default(), level(Level::ShortTerm));
    assert_eq!(store.delete(&scope, &short_term).await.unwrap(), 1350);
    assert_eq!(count(store, &scope, &short_term).await, 0);
    assert_eq!(count(store, &scope, &everything).await, 150);
    assert_eq!(store.delete(&scope, &everything).await.unwrap(), 150);
    assert_eq!(store.delete(&scope, &everything).await.unwrap(), 0);
}

/// Discarding deletes, and returns the number of deleted contexts.
pub async fn discarding_deletes(store: &dyn VectorStore) {
    let scope = acme();
    fill(store, &scope, 1..=3).await;
    let some = Filter::by_ids(vec![id(2), id(9)]);
    assert_eq!(store.discard(&scope, &some).await.unwrap(), 1);
    assert_eq!(all(store, &scope, Filter::default()).await, [id(3), id(1)]);
    assert_eq!(store.discard(&scope, &Filter::default()).await.unwrap(), 2);
}

/// Deleting unknown ids is no error, and an id is counted once.
pub async fn deleting_nothing_is_no_error(store: &dyn VectorStore) {
    let scope = acme();
    assert_eq!(store.delete(&scope, &Filter::default()).await.unwrap(), 0);
    fill(store, &scope, 1..=2).await;
    assert_eq!(delete(store, &scope, &[3]).await, 0);
    assert_eq!(delete(store, &scope, &[2, 3, 2]).await, 1);
    assert_eq!(all(store, &scope, Filter::default()).await, [id(1)]);
}

/// No call returns a deleted context, and its id can be used again.
pub async fn deleted_contexts_are_gone_everywhere(store: &dyn VectorStore) {
    let scope = acme();
    let in_session = |number| context_with(number, |context| context.session_id = Some("s".to_owned()));
    put(store, &scope, [in_session(1), in_session(2)]).await;
    assert_eq!(delete(store, &scope, &[1]).await, 1);

    assert_eq!(get(store, &scope, &[1]).await, []);
    assert_eq!(all(store, &scope, Filter::default()).await, [id(2)]);
    assert_eq!(found(store, &scope, by_vector(&FORWARD)).await, [id(2)]);
    assert_eq!(found(store, &scope, by_words(&[1])).await, [id(2)]);
    let same_content = store.find_by_content(&scope, &[context(1).content_key()]).await;
    assert_eq!(same_content.unwrap(), []);
    let sessions = store.sessions(&scope, &Filter::default(), None, 10).await.unwrap();
    assert_eq!(sessions.items[0].counts.iter().sum::<u64>(), 1);

    put(store, &scope, [in_session(1)]).await;
    assert_eq!(found(store, &scope, by_words(&[1])).await, [id(1), id(2)]);
}
