//! Damaged files: found by their checksums, told, and repaired or refused. What is sound stays.

use std::fs;
use std::path::{Path, PathBuf};

use context_manager_core::Filter;
use context_manager_core::ports::{ListRequest, VectorStore};
use context_manager_vector_store::embedded::Config;
use context_manager_vector_store::{EmbeddedStore, Error};

use crate::fixture::{at, by_words, copy, id, model, open, records, scope};

/// Never flushes by itself, and never builds an index.
fn at_rest(path: &Path) -> Config {
    Config {
        flush_interval_secs: 1_000_000,
        optimize_idle_secs: 1_000_000,
        ..at(path)
    }
}

async fn count(store: &EmbeddedStore) -> u64 {
    store.count(&scope(), &Filter::default()).await.unwrap()
}

/// The file of the log with the operations, and how many bytes of it are written.
fn log(folder: &Path) -> (PathBuf, usize) {
    let files = fs::read_dir(folder.join("shard/wal")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let written = |path: &PathBuf| {
        let content = fs::read(path).unwrap();
        content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
    };
    files
        .map(|path| (path.clone(), written(&path)))
        .max_by_key(|(_, written)| *written)
        .unwrap()
}

fn flip(file: &Path, byte: usize, bit: usize) {
    let mut content = fs::read(file).unwrap();
    content[byte] ^= 1 << bit;
    fs::write(file, content).unwrap();
}

#[tokio::test]
async fn flushed_deletions_survive_any_flipped_bit_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (folder.path().join("data"), folder.path().join("killed"));
    let store = EmbeddedStore::open(at_rest(&path), &model()).await.unwrap();
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    store.upsert(&scope(), records(100..150)).await.unwrap();
    let deleted = Filter::by_ids((100..150).map(id).collect());
    assert_eq!(store.delete(&scope(), &deleted).await.unwrap(), 50);
    store.upsert(&scope(), records(4..=5)).await.unwrap();
    store.flush().await.unwrap();
    copy(&path, &killed);
    store.close().await.unwrap();

    let (file, written) = log(&killed);
    let name = file.file_name().unwrap();
    let mut told = 0;
    for part in 0..10 {
        let damaged = folder.path().join(format!("damaged-{part}"));
        copy(&killed, &damaged);
        flip(
            &damaged.join("shard/wal").join(name),
            part * (written - 1) / 9,
            part % 8,
        );
        for _ in 0..2 {
            let store = open(&damaged).await;
            assert_eq!(count(&store).await, 5, "{part}");
            told += usize::from(
                store
                    .troubles()
                    .await
                    .iter()
                    .any(|trouble| trouble.contains("log of operations")),
            );
            // What comes later counts as later.
            store.upsert(&scope(), records(200..=200)).await.unwrap();
            assert_eq!(store.delete(&scope(), &Filter::by_ids(vec![id(200)])).await.unwrap(), 1);
            store.close().await.unwrap();
        }
        fs::remove_dir_all(damaged).unwrap();
    }
    assert!(told >= 8, "damage is told: {told}");
}

#[tokio::test]
async fn damaged_operations_are_refused_and_never_half_applied() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (folder.path().join("data"), folder.path().join("killed"));
    let store = EmbeddedStore::open(at_rest(&path), &model()).await.unwrap();
    for number in 1..=20 {
        store.upsert(&scope(), records([number])).await.unwrap();
    }
    copy(&path, &killed);
    store.close().await.unwrap();

    let (file, written) = log(&killed);
    let name = file.file_name().unwrap();
    let mut refused = 0;
    for part in 0..6 {
        let damaged = folder.path().join(format!("damaged-{part}"));
        copy(&killed, &damaged);
        // In the later half, which the engine never wrote out.
        let byte = written / 2 + part * (written / 2 - 8) / 6;
        flip(&damaged.join("shard/wal").join(name), byte, part % 8);
        match EmbeddedStore::open(at(&damaged), &model()).await {
            Ok(store) => {
                assert_eq!(count(&store).await, 20, "{part}");
                store.close().await.unwrap();
            }
            Err(error @ Error::Damaged { .. }) => {
                refused += 1;
                let message = error.to_string();
                assert!(
                    message.contains("Restore a snapshot") && message.contains("shard/wal"),
                    "{message}"
                );
                // The other way out that it names.
                fs::remove_dir_all(damaged.join("shard/wal")).unwrap();
                let store = open(&damaged).await;
                assert!(store.troubles().await[0].contains("missing"));
                store.upsert(&scope(), records(1..=20)).await.unwrap();
                store.close().await.unwrap();
                let store = open(&damaged).await;
                assert_eq!(count(&store).await, 20);
                store.close().await.unwrap();
            }
            Err(error) => panic!("{part}: {error}"),
        }
        fs::remove_dir_all(damaged).unwrap();
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn a_closed_store_keeps_hardly_any_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    for number in 1..=20 {
        store.upsert(&scope(), records([number])).await.unwrap();
    }
    store.close().await.unwrap();
    let (_, written) = log(folder.path());
    let content: usize = 20 * 300;
    assert!(written < content / 4, "{written} bytes are left");
}

/// The file and the place where a text stands in the engine's payloads.
fn find(folder: &Path, text: &str) -> (PathBuf, usize) {
    let mut folders = vec![folder.join("shard/segments")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains("payload_storage") {
                let content = fs::read(&path).unwrap();
                if let Some(place) = content.windows(text.len()).position(|found| found == text.as_bytes()) {
                    return (path, place);
                }
            }
        }
    }
    panic!("`{text}` is not there");
}

#[tokio::test]
async fn one_damaged_record_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let store = open(&path).await;
    let mut all = records(1..=20);
    for record in &mut all {
        record.context.session_id = Some("s".to_owned());
        record.context.text = format!("needle number {:02} of a haystack", record.context.sequence);
    }
    store.upsert(&scope(), all).await.unwrap();
    store.close().await.unwrap();

    // In the text itself; in what says how it is packed, before it.
    for distance in [0, 60, 120, 180] {
        let damaged = folder.path().join(format!("damaged-{distance}"));
        copy(&path, &damaged);
        // The engine decides the order of records: one with enough before it.
        let (file, place) = (1..=20)
            .map(|number| find(&damaged, &format!("needle number {number:02}")))
            .find(|(_, place)| *place > 200)
            .unwrap();
        flip(&file, place + 9 - distance, 2);
        let store = open(&damaged).await;
        let request = ListRequest {
            limit: 100,
            with_vectors: true,
            ..ListRequest::default()
        };
        let listed = store.list(&scope(), request).await.unwrap().items;
        let texts: Vec<&str> = listed.iter().map(|record| record.context.text.as_str()).collect();
        assert!(texts.len() >= 19, "{distance}: {}", texts.len());
        assert!(
            texts.iter().all(|text| text.starts_with("needle number")),
            "{distance}: {texts:?}"
        );
        assert_eq!(count(&store).await, 20, "{distance}");
        let found = store.search(&scope(), by_words(&[1])).await.unwrap();
        assert_eq!(found.len(), texts.len(), "{distance}");
        let ids: Vec<_> = (1..=20).map(id).collect();
        assert_eq!(
            store.get(&scope(), &ids).await.unwrap().len(),
            texts.len(),
            "{distance}"
        );
        let sessions = store.sessions(&scope(), &Filter::default(), None, 10).await.unwrap();
        assert_eq!(sessions.items[0].counts, [0, 0, 20], "{distance}");
        if distance == 0 {
            assert_eq!(texts.len(), 19);
            let troubles = store.troubles().await;
            assert!(troubles[0].starts_with("1 stored contexts are damaged"), "{troubles:?}");
        }
        // Also the one that the engine cannot unpack is deleted, and may be stored again.
        let every_one = Filter::by_ids(ids);
        assert_eq!(store.delete(&scope(), &every_one).await.unwrap(), 20, "{distance}");
        assert_eq!(count(&store).await, 0, "{distance}");
        assert_eq!(store.troubles().await, [""; 0], "{distance}");
        store.upsert(&scope(), records(7..=8)).await.unwrap();
        store.close().await.unwrap();
        let store = open(&damaged).await;
        assert_eq!(
            store.get(&scope(), &[id(7), id(8)]).await.unwrap().len(),
            2,
            "{distance}"
        );
        assert_eq!(count(&store).await, 2, "{distance}");
        store.close().await.unwrap();
        fs::remove_dir_all(damaged).unwrap();
    }
}
