//! Isolation of tenants.

use context_manager_core::Filter;
use context_manager_core::context::Context;
use context_manager_core::ports::{Record, VectorStore};

use super::fixture::{
    FORWARD, acme, all, by_vector, by_words, context, context_with, count, delete, fill, filter_with, found, get, id,
    put, record, scope, update,
};

/// Maintenance learns which tenants have a match, and nothing else.
pub async fn tenants_with_a_match_are_known(store: &dyn VectorStore) {
    let waiting = || Record {
        dense: None,
        ..record(context_with(2, |context| context.embedded = false))
    };
    let pending = filter_with(|filter| filter.embedded = Some(false));
    assert_eq!(store.tenants(&pending).await.unwrap(), []);
    for (tenant, number) in [("acme", 1), ("other", 1), ("third", 2)] {
        fill(store, &scope(tenant), [number]).await;
    }
    for tenant in ["other", "third"] {
        store.upsert(&scope(tenant), vec![waiting()]).await.unwrap();
    }
    let names = async |filter: &Filter| {
        let mut tenants = store.tenants(filter).await.unwrap();
        tenants.sort();
        let names = tenants.iter().map(|tenant| tenant.as_str().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&Filter::default()).await, ["acme", "other", "third"]);
    assert_eq!(names(&pending).await, ["other", "third"]);
    store.delete(&scope("third"), &Filter::default()).await.unwrap();
    assert_eq!(names(&pending).await, ["other"]);
    let by_id = names(&Filter::by_ids(vec![id(1)])).await;
    assert_eq!(by_id, [""; 0], "an id alone names no context");
}

/// To a tenant, the contexts of others do not exist.
pub async fn tenants_never_meet(store: &dyn VectorStore) {
    let (owner, other) = (acme(), scope("other"));
    let in_session = |number| {
        context_with(number, |context| {
            context.session_id = Some("s".to_owned());
            context.slot = Some(9);
        })
    };
    put(store, &owner, (1..=5).map(in_session)).await;
    let everything = Filter::default();
    let known = Filter::by_ids((1..=5).map(id).collect());

    assert_eq!(get(store, &other, &[1]).await, []);
    let same_content = store.find_by_content(&other, &[in_session(1).content_key()]).await;
    assert_eq!(same_content.unwrap(), []);
    for filter in [&everything, &known] {
        assert_eq!(all(store, &other, filter.clone()).await, []);
        assert_eq!(count(store, &other, filter).await, 0);
        assert_eq!(store.delete(&other, filter).await.unwrap(), 0);
    }
    assert_eq!(store.at_offsets(&other, &[9], &everything).await.unwrap(), []);
    assert_eq!(found(store, &other, by_vector(&FORWARD)).await, []);
    assert_eq!(found(store, &other, by_words(&[1])).await, []);
    let sessions = store.sessions(&other, &Filter::default(), None, 10).await.unwrap();
    assert_eq!(sessions.items, []);
    update(store, &other, context_with(1, |context| context.pinned = true)).await;
    assert_eq!(count(store, &other, &everything).await, 0);

    assert_eq!(get(store, &owner, &[1]).await, [in_session(1)], "nothing was changed");
    assert_eq!(count(store, &owner, &everything).await, 5, "nothing was deleted");
}

/// Two tenants may use the same id for different contexts.
pub async fn tenants_may_use_the_same_id(store: &dyn VectorStore) {
    let (first, second) = (acme(), scope("other"));
    fill(store, &first, [1]).await;
    let own: [Context; 1] = [context_with(1, |context| context.text = "another text".into())];
    put(store, &second, own.clone()).await;
    assert_eq!(get(store, &first, &[1]).await, [context(1)]);
    assert_eq!(get(store, &second, &[1]).await, own);

    update(store, &first, context_with(1, |context| context.pinned = true)).await;
    assert_eq!(get(store, &second, &[1]).await, own);
    assert_eq!(delete(store, &first, &[1]).await, 1);
    assert_eq!(get(store, &first, &[1]).await, []);
    assert_eq!(get(store, &second, &[1]).await, own);
}
