//! Snapshots of the embedded store are consistent, checked, and never change.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use context_manager_core::Filter;
use context_manager_core::ports::{SnapshotError, Snapshots, VectorStore};
use context_manager_vector_store::EmbeddedStore;
use context_manager_vector_store::embedded::{Config, EmbeddedSnapshots, SnapshotConfig};
use rlimit::Resource;
use tokio::signal::unix::{self, SignalKind};

use crate::fixture::{at, id, model, open, records, scope};

/// Set for the process in which files have a limit.
const LIMITED: &str = "TEST_WITH_SMALL_FILES";
/// The signal that a file became too large.
const SIGXFSZ: i32 = 25;

fn by_ids(numbers: RangeInclusive<u64>) -> Filter {
    Filter::by_ids(numbers.map(id).collect())
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("erasures.log")
}

fn log_bytes(folder: &Path) -> u64 {
    log_of(folder).metadata().unwrap().len()
}

/// Has every write fail that would make a file larger.
fn limit_files(bytes: u64) {
    let (_, most) = Resource::FSIZE.get().unwrap();
    Resource::FSIZE.set(bytes.min(most), most).unwrap();
}

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
async fn later_writes_do_not_change_a_snapshot() {
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
async fn a_restore_may_bring_back_discarded_contexts_but_no_deleted_ones() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let snapshots = snapshots(&store, 7);
    store.upsert(&scope(), records(1..=1000)).await.unwrap();
    let made = snapshots.create().await.unwrap();
    let log = log_bytes(folder.path());
    // More than the engine deletes at once.
    assert_eq!(store.discard(&scope(), &by_ids(1..=700)).await.unwrap(), 700);
    assert_eq!(log_bytes(folder.path()), log, "what is discarded is in no log");
    // Of these, all but ten were discarded before.
    assert_eq!(store.delete(&scope(), &by_ids(650..=710)).await.unwrap(), 10);
    let staged = snapshots.stage(&made.name, false).await.unwrap();
    // Also what is deleted and discarded while it is prepared.
    store.delete(&scope(), &by_ids(720..=721)).await.unwrap();
    store.discard(&scope(), &by_ids(730..=740)).await.unwrap();
    assert_eq!(staged.take_over().await.unwrap().1, 63);
    assert_eq!(count(&store).await, 937);
    let erased: Vec<_> = (650..=710).chain(720..=721).map(id).collect();
    assert_eq!(store.get(&scope(), &erased).await.unwrap(), []);
    store.close().await.unwrap();
    let reopened = open(folder.path()).await;
    assert_eq!(count(&reopened).await, 937);
    reopened.close().await.unwrap();
}

#[tokio::test]
async fn a_deletion_by_filter_holds_for_contexts_that_were_discarded_before_it() {
    let of = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let of_user = of(|filter| filter.user_id = Some("ann".to_owned()));
    let of_session = of(|filter| filter.session_id = Some("s".to_owned()));
    let of_tag = of(|filter| filter.tags_any = vec!["draft".to_owned()]);
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    let snapshots = snapshots(&store, 7);
    let mut all = records(1..=20);
    for record in &mut all {
        match record.context.sequence {
            1..=5 => record.context.user_id = Some("ann".to_owned()),
            6..=10 => record.context.session_id = Some("s".to_owned()),
            11..=16 => record.context.tags = vec!["draft".to_owned()],
            _ => {}
        }
    }
    store.upsert(&scope(), all.clone()).await.unwrap();
    let made = snapshots.create().await.unwrap();

    let mut published = all[15].context.clone();
    published.tags.clear();
    store.update(&scope(), vec![published]).await.unwrap();
    store.discard(&scope(), &by_ids(1..=15)).await.unwrap();
    assert_eq!(store.delete(&scope(), &of_user).await.unwrap(), 0);
    assert_eq!(store.delete(&scope(), &of_session).await.unwrap(), 0);
    let staged = snapshots.stage(&made.name, false).await.unwrap();
    // Also one while it is prepared. It never concerned the context that is there without the tag.
    assert_eq!(store.delete(&scope(), &of_tag).await.unwrap(), 0);
    assert_eq!(staged.take_over().await.unwrap().1, 15);
    assert_eq!(count(&store).await, 5);

    // It holds for what was stored before it only, and after a restart.
    store.upsert(&scope(), all[..5].to_vec()).await.unwrap();
    let later = snapshots.create().await.unwrap();
    store.close().await.unwrap();
    let store = Arc::new(open(folder.path()).await);
    let snapshots = EmbeddedSnapshots::new(Arc::clone(&store), SnapshotConfig::default());
    assert_eq!(restore(&snapshots, &later.name).await, 0);
    assert_eq!(store.count(&scope(), &of_user).await.unwrap(), 5);
    store.discard(&scope(), &by_ids(1..=5)).await.unwrap();
    assert_eq!(restore(&snapshots, &made.name).await, 15);
    assert_eq!(store.count(&scope(), &of_user).await.unwrap(), 0);
    store.close().await.unwrap();
}

#[tokio::test]
async fn damage_in_the_log_of_deletions_is_reported_and_the_readable_rest_applies() {
    let folder = tempfile::tempdir().unwrap();
    for reopened in [false, true] {
        let folder = folder.path().join(reopened.to_string());
        let mut store = Arc::new(open(&folder).await);
        store.upsert(&scope(), records(1..=50)).await.unwrap();
        let made = snapshots(&store, 7).create().await.unwrap();
        let before = log_bytes(&folder);
        for number in 1..=20 {
            store.delete(&scope(), &by_ids(number..=number)).await.unwrap();
        }
        let later = snapshots(&store, 7).create().await.unwrap();
        if reopened {
            store.close().await.unwrap();
        }
        let mut log = std::fs::read(log_of(&folder)).unwrap();
        log[usize::try_from(before).unwrap() + 5 * 28 + 10] ^= 0x20;
        std::fs::write(log_of(&folder), log).unwrap();
        if reopened {
            store = Arc::new(open(&folder).await);
        }
        let snapshots = snapshots(&store, 7);
        let refused = snapshots.stage(&made.name, false).await.unwrap_err();
        assert!(matches!(refused, SnapshotError::ErasedUnknown(_)), "{refused}");
        assert!(refused.to_string().contains("damaged"), "{refused}");
        assert_eq!(count(&store).await, 30);
        // All of it is known since then.
        assert_eq!(restore(&snapshots, &later.name).await, 0);
        let staged = snapshots.stage(&made.name, true).await.unwrap();
        assert_eq!(staged.take_over().await.unwrap().1, 19);
        assert_eq!(
            store.get(&scope(), &[id(6)]).await.unwrap().len(),
            1,
            "the one that was damaged"
        );
        assert_eq!(count(&store).await, 31);
        store.close().await.unwrap();
    }
}

#[test]
fn a_deletion_that_is_half_in_the_log_is_refused_and_the_log_goes_on() {
    // In a process of its own, as no file of the process may be larger meanwhile.
    if std::env::var_os(LIMITED).is_none() {
        let name = "snapshots::a_deletion_that_is_half_in_the_log_is_refused_and_the_log_goes_on";
        let alone = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(LIMITED, "1")
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && output.contains("1 passed"), "{alone:?}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        // A signal that is listened to ends nothing; the write that it is about fails.
        let _too_large = unix::signal(SignalKind::from_raw(SIGXFSZ)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let quiet = Config {
            flush_interval_secs: 3600,
            optimize_idle_secs: 3600,
            ..at(folder.path())
        };
        let store = Arc::new(EmbeddedStore::open(quiet.clone(), &model()).await.unwrap());
        let snapshots = snapshots(&store, 7);
        store.upsert(&scope(), records(1..=2000)).await.unwrap();
        let made = snapshots.create().await.unwrap();
        store.delete(&scope(), &by_ids(1..=5)).await.unwrap();
        // Within the first entries, and beyond those of one operation of the engine.
        for entries in [3, 600] {
            let before = log_bytes(folder.path());
            limit_files(before + entries * 28 + 10);
            store.delete(&scope(), &by_ids(1001..=2000)).await.unwrap_err();
            limit_files(u64::MAX);
            assert_eq!(log_bytes(folder.path()), before, "nothing of it is left");
            assert_eq!(count(&store).await, 1995);
        }
        store.delete(&scope(), &by_ids(101..=120)).await.unwrap();
        assert_eq!(restore(&snapshots, &made.name).await, 25);
        assert_eq!(count(&store).await, 1975);
        store.delete(&scope(), &by_ids(121..=122)).await.unwrap();
        store.close().await.unwrap();
        let store = Arc::new(EmbeddedStore::open(quiet, &model()).await.unwrap());
        let snapshots = EmbeddedSnapshots::new(Arc::clone(&store), SnapshotConfig::default());
        assert_eq!(restore(&snapshots, &made.name).await, 27);
        store.close().await.unwrap();
    });
}

#[cfg(unix)]
#[tokio::test]
async fn permissions_of_folders_and_snapshots_are_tightened() {
    use std::os::unix::fs::PermissionsExt;

    let parent = tempfile::tempdir().unwrap();
    let (folder, elsewhere) = (parent.path().join("data"), parent.path().join("elsewhere"));
    let config = SnapshotConfig {
        path: elsewhere.clone(),
        ..SnapshotConfig::default()
    };
    for _ in 0..2 {
        let store = Arc::new(open(&folder).await);
        store.upsert(&scope(), records(1..=3)).await.unwrap();
        let snapshots = EmbeddedSnapshots::new(Arc::clone(&store), config.clone());
        let made = snapshots
            .list()
            .await
            .unwrap()
            .into_iter()
            .map(|made| elsewhere.join(made.name));
        for private in made.chain([
            folder.clone(),
            folder.join("erasures.log"),
            folder.join("manifest.json"),
        ]) {
            let permissions = private.metadata().unwrap().permissions();
            assert_eq!(permissions.mode() & 0o077, 0, "{}", private.display());
        }
        snapshots.create().await.unwrap();
        store.close().await.unwrap();
        // As an older version left it.
        let made = find(&elsewhere, &|name| name == "snapshot.json").unwrap();
        for loose in [&folder, &folder.join("erasures.log"), made.parent().unwrap()] {
            std::fs::set_permissions(loose, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
}

#[tokio::test]
async fn old_snapshots_are_pruned_and_operations_exclude_each_other() {
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
