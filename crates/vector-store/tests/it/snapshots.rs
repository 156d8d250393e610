//! Snapshots of the embedded store are consistent, checked, and never change.

use std::path::Path;
use std::sync::Arc;

use context_manager_core::Filter;
use context_manager_core::ports::{SnapshotError, Snapshots, VectorStore};
use context_manager_vector_store::EmbeddedStore;
use context_manager_vector_store::embedded::{EmbeddedSnapshots, SnapshotConfig};

use crate::fixture::{id, open, records, scope};

async fn count(store: &EmbeddedStore) -> u64 {
    store.count(&scope(), &Filter::default()).await.unwrap()
}

fn snapshots(store: &Arc<EmbeddedStore>, max_kept: usize) -> EmbeddedSnapshots {
    let config = SnapshotConfig {
        max_kept,
        ..SnapshotConfig::default()
    };
    EmbeddedSnapshots::new(Arc::clone(store), config)
}

async fn restore(snapshots: &EmbeddedSnapshots, name: &str) -> u64 {
    let staged = snapshots.stage(name, false).await.unwrap();
    staged.take_over().await.unwrap().1
}

#[tokio::test]
async fn a_snapshot_never_changes_whatever_becomes_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let snapshots = snapshots(&store, 7);
    store.upsert(&scope(), records(1..=500)).await.unwrap();
    let first = snapshots.create().await.unwrap();
    assert_eq!(first.total(), 500);
    // Restored, the store shares files with the snapshot.
    assert_eq!(restore(&snapshots, &first.name).await, 0);
    for round in 0..4 {
        store.upsert(&scope(), records(1..=700)).await.unwrap();
        let some = (1..200).map(|n| id(n + round * 100)).collect();
        store.delete(&scope(), &Filter::by_ids(some)).await.unwrap();
        store.flush().await.unwrap();
        snapshots.verify(&first.name).await.unwrap();
    }
    let second = snapshots.create().await.unwrap();
    let erased = restore(&snapshots, &first.name).await;
    assert_eq!(
        erased, 499,
        "of those in the snapshot, all but the last one were deleted since"
    );
    assert_eq!(count(&store).await, 1);
    // What the later one holds was stored again after it was deleted, or never.
    assert_eq!(restore(&snapshots, &second.name).await, 0);
    assert_eq!(count(&store).await, second.total());
    snapshots.verify(&first.name).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn what_was_discarded_may_come_back_and_what_was_deleted_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let snapshots = snapshots(&store, 7);
    store.upsert(&scope(), records(1..=10)).await.unwrap();
    let made = snapshots.create().await.unwrap();
    store
        .discard(&scope(), &Filter::by_ids(vec![id(1), id(2)]))
        .await
        .unwrap();
    store.delete(&scope(), &Filter::by_ids(vec![id(3)])).await.unwrap();
    let staged = snapshots.stage(&made.name, false).await.unwrap();
    // Also what is deleted while it is prepared.
    store.delete(&scope(), &Filter::by_ids(vec![id(4)])).await.unwrap();
    assert_eq!(staged.take_over().await.unwrap().1, 2);
    assert_eq!(count(&store).await, 8);
    assert_eq!(store.get(&scope(), &[id(3), id(4)]).await.unwrap(), []);
    store.close().await.unwrap();
    let reopened = open(folder.path()).await;
    assert_eq!(count(&reopened).await, 8);
    reopened.close().await.unwrap();
}

#[tokio::test]
async fn old_snapshots_leave_and_one_thing_is_done_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let snapshots = snapshots(&store, 2);
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    let mut names = Vec::new();
    for _ in 0..4 {
        names.push(snapshots.create().await.unwrap().name);
    }
    let listed: Vec<String> = snapshots
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(listed, [names[3].clone(), names[2].clone()]);
    assert!(matches!(
        snapshots.verify(&names[0]).await,
        Err(SnapshotError::NotFound)
    ));
    let staged = snapshots.stage(&names[3], false).await.unwrap();
    assert!(matches!(snapshots.create().await, Err(SnapshotError::Busy)));
    drop(staged);
    snapshots.create().await.unwrap();
    store.close().await.unwrap();
}

/// The first file below `folder` that is not empty and that `which` chooses.
fn find(folder: &Path, which: &dyn Fn(&str) -> bool) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = if path.is_dir() {
            find(&path, which)
        } else {
            let name = path.file_name().unwrap().to_str().unwrap();
            (which(name) && path.metadata().unwrap().len() > 0).then(|| path.clone())
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

#[tokio::test]
async fn a_damaged_snapshot_is_neither_verified_nor_restored() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let snapshots = snapshots(&store, 7);
    store.upsert(&scope(), records(1..=50)).await.unwrap();
    for damage in ["change", "remove", "add"] {
        let made = snapshots.create().await.unwrap();
        let of_name = folder.path().join("snapshots").join(&made.name);
        let file = find(&of_name, &|name| name != "snapshot.json" && name != "manifest.json").unwrap();
        match damage {
            "change" => {
                let mut content = std::fs::read(&file).unwrap();
                content[0] ^= 1;
                std::fs::write(&file, content).unwrap();
            }
            "remove" => std::fs::remove_file(&file).unwrap(),
            _ => std::fs::write(file.with_extension("more"), "x").unwrap(),
        }
        assert!(
            matches!(snapshots.verify(&made.name).await, Err(SnapshotError::Damaged(_))),
            "{damage}"
        );
        assert!(
            matches!(snapshots.stage(&made.name, false).await, Err(SnapshotError::Damaged(_))),
            "{damage}"
        );
        assert_eq!(count(&store).await, 50);
    }
    store.close().await.unwrap();
}
