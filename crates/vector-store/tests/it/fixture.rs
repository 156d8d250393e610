//! Embedded stores in temporary folders, and records to fill them with.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use context_manager_core::lexical::SparseVector;
use context_manager_core::ports::{ModelFingerprint, Record};
pub(crate) use context_manager_vector_store::contract::fixture::{acme as scope, by_words, context, id};
use context_manager_vector_store::embedded::Config;
use context_manager_vector_store::{EmbeddedStore, contract};
use tempfile::TempDir;

/// Embedded store in a temporary folder.
pub(crate) struct TempStore {
    pub(crate) store: EmbeddedStore,
    _folder: TempDir,
}

impl TempStore {
    pub(crate) async fn with(config: Config, model: &ModelFingerprint) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            path: folder.path().join("data"),
            ..config
        };
        Self {
            store: EmbeddedStore::open(config, model).await.unwrap(),
            _folder: folder,
        }
    }
}

impl Deref for TempStore {
    type Target = EmbeddedStore;

    fn deref(&self) -> &EmbeddedStore {
        &self.store
    }
}

impl Drop for TempStore {
    /// Closes the store, so that nothing writes into the folder while it is removed.
    fn drop(&mut self) {
        wait_for(self.store.close()).unwrap();
    }
}

/// Runs a future to its end in synchronous code, on a thread of its own: runtimes do not nest.
pub(crate) fn wait_for<T: Send>(work: impl Future<Output = T> + Send) -> T {
    let wait = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(work)
    };
    std::thread::scope(|scope| scope.spawn(wait).join().unwrap())
}

pub(crate) async fn new_store() -> TempStore {
    TempStore::with(Config::default(), &model()).await
}

pub(crate) fn model() -> ModelFingerprint {
    ModelFingerprint {
        name: "test".to_owned(),
        dimensions: contract::DIMENSIONS,
        probe: "1234".to_owned(),
    }
}

pub(crate) async fn open(path: &Path) -> EmbeddedStore {
    EmbeddedStore::open(at(path), &model()).await.unwrap()
}

pub(crate) fn at(path: &Path) -> Config {
    Config {
        path: path.to_owned(),
        ..Config::default()
    }
}

/// Returns the record with this number. All have the word 1, each has a word of its own, and the vectors fan out.
pub(crate) fn record(number: u64) -> Record {
    let angle = f32::from(u16::try_from(number % 10_000).unwrap()) / 10_000.0;
    Record {
        dense: Some(vec![angle.cos(), angle.sin(), 0.0, 0.0]),
        terms: SparseVector::new([(1, 1.0), (1000 + u32::try_from(number).unwrap(), 1.0)]),
        context: context(number),
    }
}

pub(crate) fn records(numbers: impl IntoIterator<Item = u64>) -> Vec<Record> {
    numbers.into_iter().map(record).collect()
}

/// Copies a folder recursively, as a snapshot of the disk would.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Returns all files below a folder with their contents.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((path.clone(), Vec::new()));
            found.extend(contents(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
    found.sort();
    found
}
