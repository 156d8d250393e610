//! Vectors of a second model beside those of the model in use, and the switch between both.

use std::sync::Arc;

use context_manager_core::Filter;
use context_manager_core::ports::{
    Candidate, ModelChange, ModelFingerprint, OtherModel, Snapshots, StoreErrorKind, StoreQuery, VectorStore,
};
use context_manager_vector_store::EmbeddedStore;
use context_manager_vector_store::embedded::{EmbeddedSnapshots, SnapshotConfig};

use crate::fixture::{at, by_words, context, id, model, new_store, open, records, scope};

/// Returns a model with shorter vectors.
fn small(name: &str) -> ModelFingerprint {
    ModelFingerprint {
        name: name.to_owned(),
        dimensions: 2,
        probe: "5678".to_owned(),
    }
}

fn by(vector: &[f32]) -> StoreQuery {
    StoreQuery {
        dense: Some(vector.to_vec()),
        terms: None,
        ..by_words(&[])
    }
}

/// Returns the number of contexts that a search for this vector finds.
async fn found(store: &EmbeddedStore, vector: &[f32]) -> usize {
    store.search(&scope(), by(vector)).await.unwrap().len()
}

async fn other(store: &EmbeddedStore) -> Option<OtherModel> {
    store.models().await.unwrap().other
}

async fn count_without_other(store: &EmbeddedStore) -> usize {
    let mut count = 0;
    let mut after = None;
    loop {
        let page = store.without_other(&scope(), after, 7).await.unwrap();
        assert!(page.items.len() <= 7);
        count += page.items.len();
        after = page.next;
        if after.is_none() {
            return count;
        }
    }
}

/// Sets vectors of the other model for the contexts with these numbers.
async fn fill(store: &EmbeddedStore, numbers: std::ops::RangeInclusive<u64>) {
    let vectors = numbers.map(|number| (id(number), vec![1.0, 0.0])).collect();
    store.set_other_vectors(&scope(), vectors).await.unwrap();
}

#[tokio::test]
async fn another_model_fills_beside_the_one_in_use_and_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.upsert(&scope(), records(1..=30)).await.unwrap();
    assert_eq!(count_without_other(&store).await, 0, "there is no other model");

    store.add_model(&small("b")).await.unwrap();
    assert_eq!(count_without_other(&store).await, 30);
    assert_eq!(store.tenants_without_other().await.unwrap(), [scope().tenant().clone()]);
    fill(&store, 1..=20).await;
    assert_eq!(count_without_other(&store).await, 10);
    assert_eq!(found(&store, &[1.0, 0.0, 0.0, 0.0]).await, 30);

    // A rewritten context has only its new vector; a deleted one has none.
    store.upsert(&scope(), records(1..=1)).await.unwrap();
    store.delete(&scope(), &Filter::by_ids(vec![id(2)])).await.unwrap();
    assert_eq!(count_without_other(&store).await, 11);
    store.close().await.unwrap();

    // A restart continues.
    let store = open(folder.path()).await;
    let filling = OtherModel {
        model: small("b"),
        filling: true,
    };
    assert_eq!(other(&store).await, Some(filling));
    assert_eq!(count_without_other(&store).await, 11);
    store.add_model(&small("b")).await.unwrap();
    assert_eq!(count_without_other(&store).await, 11, "its vectors stay");
    fill(&store, 1..=30).await;
    assert_eq!(count_without_other(&store).await, 0);
    store.switch().await.unwrap();
    let candidates = store.search(&scope(), by(&[1.0, 0.0])).await.unwrap();
    assert_eq!(candidates.len(), 29);
    let is_short = |candidate: &Candidate| candidate.record.dense.as_ref().unwrap().len() == 2;
    assert!(candidates.iter().all(is_short));
    let wrong = store.search(&scope(), by(&[1.0, 0.0, 0.0, 0.0])).await.unwrap_err();
    let expected = StoreErrorKind::DimensionMismatch { expected: 2, actual: 4 };
    assert_eq!(wrong.kind, expected);
    store.close().await.unwrap();

    // The folder belongs to the new model, and keeps the vectors of the old one.
    assert!(EmbeddedStore::open(at(folder.path()), &model()).await.is_err());
    let store = EmbeddedStore::open(at(folder.path()), &small("b")).await.unwrap();
    let complete = OtherModel {
        model: model(),
        filling: false,
    };
    assert_eq!(other(&store).await, Some(complete));
    assert_eq!(found(&store, &[1.0, 0.0]).await, 29);
    store.switch().await.unwrap();
    assert_eq!(found(&store, &[1.0, 0.0, 0.0, 0.0]).await, 29);
    assert_eq!(store.get(&scope(), &[id(7)]).await.unwrap(), [context(7)]);
    store.close().await.unwrap();
}

#[tokio::test]
async fn at_most_one_other_model_is_kept() {
    let store = new_store().await;
    store.upsert(&scope(), records(1..=5)).await.unwrap();
    assert!(store.switch().await.is_err(), "there is none to switch to");
    store.add_model(&small("b")).await.unwrap();
    fill(&store, 1..=5).await;
    store.add_model(&small("c")).await.unwrap();
    assert_eq!(count_without_other(&store).await, 5, "`c` has no vectors of `b`");
    store.remove_other().await.unwrap();
    store.remove_other().await.unwrap();
    assert_eq!(other(&store).await, None);
    store.add_model(&small("b")).await.unwrap();
    assert_eq!(count_without_other(&store).await, 5, "removed vectors do not come back");
}

#[tokio::test]
async fn bad_vectors_of_the_other_model_are_refused() {
    let store = new_store().await;
    store.upsert(&scope(), records(1..=2)).await.unwrap();
    store.add_model(&small("b")).await.unwrap();
    for bad in [vec![1.0], vec![f32::NAN, 0.0]] {
        let vectors = vec![(id(1), vec![1.0, 0.0]), (id(2), bad)];
        let kind = store.set_other_vectors(&scope(), vectors).await.unwrap_err().kind;
        assert!(matches!(kind, StoreErrorKind::DimensionMismatch { .. }), "{kind}");
    }
    assert_eq!(count_without_other(&store).await, 2, "nothing was written");
}

#[tokio::test]
async fn indexes_are_built_over_both_models() {
    let store = new_store().await;
    store.upsert(&scope(), records(1..=300)).await.unwrap();
    store.add_model(&small("b")).await.unwrap();
    fill(&store, 1..=300).await;
    store.switch().await.unwrap();
    store.upsert(&scope(), Vec::new()).await.unwrap();
    store.remove_other().await.unwrap();
    assert_eq!(found(&store, &[1.0, 0.0]).await, 100);
    store.flush().await.unwrap();
}

#[tokio::test]
async fn an_unverified_model_is_completed_once_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let unverified = ModelFingerprint::unverified(model().name, model().dimensions);
    let store = Arc::new(EmbeddedStore::open(at(folder.path()), &unverified).await.unwrap());
    let snapshots = EmbeddedSnapshots::new(Arc::clone(&store), SnapshotConfig::default());
    let snapshot = snapshots.create().await.unwrap();
    for other in [
        small("test"),
        ModelFingerprint {
            name: "b".to_owned(),
            ..model()
        },
    ] {
        store.complete_model(&other).await.unwrap_err();
    }
    assert_eq!(store.models().await.unwrap().in_use, unverified);
    store.complete_model(&model()).await.unwrap();
    store.complete_model(&model()).await.unwrap();
    let later = ModelFingerprint {
        probe: "5678".to_owned(),
        ..model()
    };
    store.complete_model(&later).await.unwrap_err();
    store.upsert(&scope(), records(1..=3)).await.unwrap();

    // The snapshot holds no vectors.
    let staged = snapshots.stage(&snapshot.name, false).await.unwrap();
    staged.take_over().await.unwrap();
    assert_eq!(store.models().await.unwrap().in_use, model());
    store.close().await.unwrap();
    let reopened = open(folder.path()).await;
    assert_eq!(reopened.models().await.unwrap().in_use, model());
    reopened.close().await.unwrap();
}
