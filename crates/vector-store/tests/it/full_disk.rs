//! A disk that is full: everything is refused that might end the process, and what can still be done is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use context_manager_core::Filter;
use context_manager_core::ports::{StoreErrorKind, VectorStore};
use context_manager_vector_store::embedded::Config;
use context_manager_vector_store::{EmbeddedStore, Error};
use fs4::FileExt;

use crate::fixture::{at, id, model, records, scope};

const MIB: u64 = 1 << 20;

/// A small file system of its own, which goes away with it.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// `None`, with the reason on standard error, where none can be made.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn new(bytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={bytes}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                eprintln!(
                    "skipped: no file system can be mounted: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
                None
            }
            Err(error) => {
                eprintln!("skipped: no file system can be mounted: {error}");
                None
            }
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    fn free(&self) -> u64 {
        fs4::available_space(self.folder.path()).unwrap()
    }

    /// Others fill it until there are only so many bytes left.
    fn fill(&self, left: u64) {
        let file = fs::File::create(self.ballast()).unwrap();
        file.allocate(self.free() - left).unwrap();
        assert!(self.free() <= left);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.folder.path()).status();
        assert!(unmounted.unwrap().success());
    }
}

fn config(path: &Path) -> Config {
    Config {
        min_free_bytes: 0,
        ..at(path)
    }
}

#[tokio::test]
async fn on_a_full_disk_stores_are_refused_and_deletions_go_on() {
    let Some(disk) = Disk::new(400 * MIB) else { return };
    let store = EmbeddedStore::open(config(&disk.data()), &model()).await.unwrap();
    store.upsert(&scope(), records(1..=500)).await.unwrap();
    disk.fill(0);
    let refused = store.upsert(&scope(), records(501..=502)).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::DiskFull);
    for number in 1..=50 {
        let one = Filter::by_ids(vec![id(number)]);
        assert_eq!(store.delete(&scope(), &one).await.unwrap(), 1);
    }
    store.flush().await.unwrap();
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 450);
    store.close().await.unwrap();

    let refused = EmbeddedStore::open(config(&disk.data()), &model()).await.unwrap_err();
    let Error::DiskFull { free, needed, .. } = refused else {
        panic!("{refused}")
    };
    assert!(free < needed);
    let message = refused.to_string();
    for part in ["vector_db.path", &free.to_string(), &needed.to_string(), "space"] {
        assert!(message.contains(part), "{message}");
    }
    // Just as much as it says is enough.
    fs::remove_file(disk.ballast()).unwrap();
    disk.fill(needed);
    let store = EmbeddedStore::open(config(&disk.data()), &model()).await.unwrap();
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 450);
    store.close().await.unwrap();
    fs::remove_file(disk.ballast()).unwrap();
    let store = EmbeddedStore::open(config(&disk.data()), &model()).await.unwrap();
    store.upsert(&scope(), records(501..=502)).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_store_that_fills_its_disk_itself_can_be_opened_again() {
    let Some(disk) = Disk::new(200 * MIB) else { return };
    let store = EmbeddedStore::open(config(&disk.data()), &model()).await.unwrap();
    let mut stored = 0;
    let refused = loop {
        let mut large = records(stored..stored + 50);
        for record in &mut large {
            // Nothing that can be packed.
            let mut state = record.context.sequence;
            let letters = std::iter::repeat_with(|| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
            });
            record.context.text = letters.take(20_000).collect();
        }
        match store.upsert(&scope(), large).await {
            Ok(()) => stored += 50,
            Err(refused) => break refused,
        }
        assert!(stored < 20_000, "the disk never fills");
    };
    assert_eq!(refused.kind, StoreErrorKind::DiskFull);
    store.close().await.unwrap();
    let store = EmbeddedStore::open(config(&disk.data()), &model()).await.unwrap();
    assert!(store.count(&scope(), &Filter::default()).await.unwrap() >= stored);
    store.close().await.unwrap();
}
