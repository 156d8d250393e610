//! Data folders: whose they are, whether they are whole, and that others are left alone.

use std::fs;
use std::path::Path;

use context_manager_core::Filter;
use context_manager_core::ports::{ModelFingerprint, VectorStore};
use context_manager_vector_store::embedded::Config;
use context_manager_vector_store::{EmbeddedStore, Error};

use crate::fixture::{at, contents, model, open, records, scope};

/// Opening fails, the folder is left exactly as it was, and the message names it.
async fn refused(path: &Path) -> Error {
    let before = contents(path);
    let error = EmbeddedStore::open(at(path), &model()).await.unwrap_err();
    assert_eq!(contents(path), before, "the folder was changed: {error}");
    let message = error.to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    error
}

/// A closed data folder with three contexts.
async fn filled(path: &Path) {
    let store = open(path).await;
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_folder_in_use_is_refused_and_its_holder_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let error = EmbeddedStore::open(at(folder.path()), &model()).await.unwrap_err();
    assert!(
        matches!(error, Error::InUse { holder: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("in use by process {}", std::process::id()))
    );
    store.upsert(&scope(), records(1..=3)).await.unwrap();
    store.close().await.unwrap();
    open(folder.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn a_foreign_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    fs::create_dir(folder.path().join("shard")).unwrap();
    let error = refused(folder.path()).await;
    assert!(
        error
            .to_string()
            .contains("is not a data folder of the context manager"),
        "{error}"
    );
    assert!(EmbeddedStore::stored_models(folder.path()).is_err());
}

#[tokio::test]
async fn a_folder_that_was_divided_into_shards_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    filled(&folder.path().join("shard-0")).await;
    fs::write(folder.path().join("shards.json"), r#"{"shards": 1, "complete": true}"#).unwrap();
    let error = refused(folder.path()).await;
    assert!(matches!(error, Error::Sharded { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("export") && message.contains("import"), "{message}");
    assert!(EmbeddedStore::stored_models(folder.path()).is_err());
}

#[tokio::test]
async fn a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let error = EmbeddedStore::open(at(&file), &model()).await.unwrap_err();
    assert!(matches!(error, Error::NotAFolder { .. }), "{error}");
}

#[tokio::test]
async fn damaged_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    filled(path).await;
    let manifest = path.join("manifest.json");
    let engine = path.join("shard/edge_config.json");
    let (good_manifest, good_engine) = (
        fs::read_to_string(&manifest).unwrap(),
        fs::read_to_string(&engine).unwrap(),
    );

    fs::write(&manifest, &good_manifest[..good_manifest.len() / 2]).unwrap();
    assert!(matches!(refused(path).await, Error::CorruptManifest { .. }));
    fs::write(&manifest, good_manifest.replace("\"test\"", "\"tess\"")).unwrap();
    assert!(matches!(refused(path).await, Error::CorruptManifest { .. }));
    fs::write(&manifest, r#"{"format": 7, "model": 1}"#).unwrap();
    assert!(matches!(refused(path).await, Error::NewerFormat { found: 7, .. }));
    fs::remove_file(&manifest).unwrap();
    assert!(matches!(refused(path).await, Error::Foreign { .. }));
    fs::write(&manifest, &good_manifest).unwrap();

    fs::write(&engine, &good_engine[..good_engine.len() / 2]).unwrap();
    assert!(matches!(refused(path).await, Error::Damaged { .. }));
    fs::write(
        &engine,
        good_engine
            .replace("\"size\": 4", "\"size\": 5")
            .replace("\"size\":4", "\"size\":5"),
    )
    .unwrap();
    assert!(matches!(refused(path).await, Error::Damaged { .. }));
    fs::remove_file(&engine).unwrap();
    assert!(matches!(refused(path).await, Error::Damaged { .. }));
    fs::write(&engine, &good_engine).unwrap();

    let store = open(path).await;
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
    store.close().await.unwrap();
}

#[tokio::test]
async fn another_model_is_refused_with_the_ways_out() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    for other in [
        ModelFingerprint {
            name: "other".to_owned(),
            ..model()
        },
        ModelFingerprint {
            probe: "5678".to_owned(),
            ..model()
        },
        ModelFingerprint {
            dimensions: 8,
            ..model()
        },
    ] {
        let before = contents(folder.path());
        let error = EmbeddedStore::open(at(folder.path()), &other).await.unwrap_err();
        assert!(matches!(error, Error::ModelChanged { .. }));
        let message = error.to_string();
        for part in [
            model().to_string(),
            other.to_string(),
            "context-manager reembed".to_owned(),
        ] {
            assert!(message.contains(&part), "{message}");
        }
        assert_eq!(contents(folder.path()), before);
    }
    assert_eq!(
        EmbeddedStore::stored_models(folder.path())
            .unwrap()
            .map(|models| models.in_use),
        Some(model())
    );
}

#[tokio::test]
async fn leftovers_of_killed_optimizations_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let left = folder.path().join("shard/temp_segments/segment_builder_x");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("data"), vec![0; 1000]).unwrap();
    let store = open(folder.path()).await;
    assert!(!left.exists());
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 3);
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_killed_first_start_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(EmbeddedStore::stored_models(path).unwrap(), None);
    filled(path).await;
    // As it was before the manifest got its name, with the engine half written.
    fs::rename(path.join("manifest.json"), path.join("manifest.json.new")).unwrap();
    fs::remove_file(path.join("shard/edge_config.json")).unwrap();
    assert_eq!(EmbeddedStore::stored_models(path).unwrap(), None);

    let store = open(path).await;
    assert_eq!(store.count(&scope(), &Filter::default()).await.unwrap(), 0);
    store.close().await.unwrap();
    assert!(path.join("manifest.json").exists());
    assert!(!path.join("manifest.json.new").exists());
}

#[tokio::test]
async fn an_invalid_configuration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        write_queue: 0,
        ..at(&folder.path().join("data"))
    };
    let error = EmbeddedStore::open(config, &model()).await.unwrap_err();
    assert!(error.to_string().contains("write_queue: must be at least 1"), "{error}");
    assert!(!folder.path().join("data").exists());
}
