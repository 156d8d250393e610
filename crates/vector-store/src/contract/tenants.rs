//! Tenants do not know of each other.

use context_manager_core::context::Context;
use context_manager_core::ports::{Record, VectorStore};
use context_manager_core::{Filter, Visibility};

use super::fixture::{FORWARD, acme, all, by_vector, by_words, context, fill, found, id, record, scope};

/// Maintenance learns who has something to maintain, and nothing else.
pub async fn tenants_with_a_match_are_known(store: &dyn VectorStore) {
    let waiting = |number| Record {
        dense: None,
        ..record(Context {
            embedded: false,
            ..context(number)
        })
    };
    let pending = Filter {
        embedded: Some(false),
        ..Filter::default()
    };
    assert_eq!(store.tenants(&pending).await.unwrap(), []);
    for (tenant, number) in [("acme", 1), ("other", 1), ("third", 2)] {
        fill(store, &scope(tenant), [number]).await;
    }
    store.upsert(&scope("other"), vec![waiting(2)]).await.unwrap();
    store.upsert(&scope("third"), vec![waiting(2)]).await.unwrap();
    let names = async |filter: &Filter| {
        let mut tenants = store.tenants(filter).await.unwrap();
        tenants.sort();
        tenants
            .iter()
            .map(|tenant| tenant.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&Filter::default()).await, ["acme", "other", "third"]);
    assert_eq!(names(&pending).await, ["other", "third"]);
    store.delete(&scope("third"), &Filter::default()).await.unwrap();
    assert_eq!(names(&pending).await, ["other"]);
    assert_eq!(
        names(&Filter::by_ids(vec![id(1)])).await,
        [""; 0],
        "an id alone names nobody's context"
    );
}

/// To another tenant, everything is as if nothing were stored.
pub async fn tenants_never_meet(store: &dyn VectorStore) {
    let (owner, other) = (acme(), scope("other"));
    let in_session = |number| {
        record(Context {
            session_id: Some("s".to_owned()),
            slot: Some(9),
            ..context(number)
        })
    };
    store.upsert(&owner, (1..=5).map(in_session).collect()).await.unwrap();
    let everything = Filter::default();
    let known = Filter::by_ids((1..=5).map(id).collect());

    assert_eq!(store.get(&other, &[id(1)]).await.unwrap(), []);
    assert_eq!(
        store
            .find_by_content(&other, &[in_session(1).context.content_key()])
            .await
            .unwrap(),
        []
    );
    for filter in [&everything, &known] {
        assert_eq!(all(store, &other, filter.clone()).await, []);
        assert_eq!(store.count(&other, filter).await.unwrap(), 0);
        assert_eq!(store.delete(&other, filter).await.unwrap(), 0);
    }
    assert_eq!(store.at_slots(&other, &[9], &everything).await.unwrap(), []);
    assert_eq!(found(store, &other, by_vector(&FORWARD)).await, []);
    assert_eq!(found(store, &other, by_words(&[1])).await, []);
    assert_eq!(
        store.sessions(&other, Visibility::All, None, 10).await.unwrap().items,
        []
    );
    store
        .update(
            &other,
            vec![Context {
                pinned: true,
                ..context(1)
            }],
        )
        .await
        .unwrap();
    assert_eq!(store.count(&other, &everything).await.unwrap(), 0);

    assert_eq!(
        store.get(&owner, &[id(1)]).await.unwrap(),
        [in_session(1).context],
        "nothing was changed"
    );
    assert_eq!(
        store.count(&owner, &everything).await.unwrap(),
        5,
        "nothing was deleted"
    );
}

/// One id is two contexts in two tenants.
pub async fn tenants_may_use_the_same_id(store: &dyn VectorStore) {
    let (first, second) = (acme(), scope("other"));
    fill(store, &first, [1]).await;
    let own = [Context {
        text: "another text".to_owned(),
        ..context(1)
    }];
    store
        .upsert(&second, own.iter().cloned().map(record).collect())
        .await
        .unwrap();
    assert_eq!(store.get(&first, &[id(1)]).await.unwrap(), [context(1)]);
    assert_eq!(store.get(&second, &[id(1)]).await.unwrap(), own);

    store
        .update(
            &first,
            vec![Context {
                pinned: true,
                ..context(1)
            }],
        )
        .await
        .unwrap();
    assert_eq!(store.get(&second, &[id(1)]).await.unwrap(), own);
    assert_eq!(store.delete(&first, &Filter::by_ids(vec![id(1)])).await.unwrap(), 1);
    assert_eq!(store.get(&first, &[id(1)]).await.unwrap(), []);
    assert_eq!(store.get(&second, &[id(1)]).await.unwrap(), own);
}
