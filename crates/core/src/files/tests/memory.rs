//! Store of files in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;

use super::super::{Command, Entry, FilePath, FileStore, Read, Reply, Written, run};

/// Files in memory; before each replacement a line may be added by another client.
#[derive(Debug, Default)]
pub(super) struct Memory {
    files: Mutex<BTreeMap<FilePath, Read>>,
    pub(super) interruptions: Mutex<u32>,
}

impl Memory {
    pub(super) fn files(&self) -> MutexGuard<'_, BTreeMap<FilePath, Read>> {
        self.files.lock().unwrap()
    }

    pub(super) async fn run(&self, command: &Command) -> Reply {
        let Ok(reply) = run(self, command).await;
        reply
    }

    /// Runs a command that has to succeed, and returns its text.
    pub(super) async fn done(&self, command: Command) -> String {
        let reply = self.run(&command).await;
        assert!(!reply.is_error, "{command:?}: {}", reply.text);
        reply.text
    }

    /// Runs a command that has to be refused without a change, and returns its text.
    pub(super) async fn refused(&self, command: Command) -> String {
        let before = self.files().clone();
        let reply = self.run(&command).await;
        assert!(reply.is_error, "{command:?}: {}", reply.text);
        assert_eq!(*self.files(), before, "{command:?}");
        reply.text
    }

    pub(super) fn text(&self, path: &str) -> String {
        self.files()[&FilePath::try_new(path).unwrap()].text.clone()
    }
}

#[async_trait]
impl FileStore for Memory {
    type Error = std::convert::Infallible;

    async fn read(&self, path: &FilePath) -> Result<Option<Read>, Self::Error> {
        Ok(self.files().get(path).cloned())
    }

    async fn create(&self, path: &FilePath, text: &str) -> Result<Written, Self::Error> {
        let mut files = self.files();
        if files.contains_key(path) {
            return Ok(Written::Taken);
        }
        let text = text.to_owned();
        files.insert(path.clone(), Read { text, version: 1 });
        Ok(Written::Done)
    }

    async fn replace(&self, path: &FilePath, version: u64, text: &str) -> Result<Written, Self::Error> {
        let mut files = self.files();
        let mut interruptions = self.interruptions.lock().unwrap();
        let Some(file) = files.get_mut(path) else {
            return Ok(Written::Stale);
        };
        if *interruptions > 0 {
            *interruptions -= 1;
            file.version += 1;
            file.text += "from another client\n";
        }
        if file.version != version {
            return Ok(Written::Stale);
        }
        file.version += 1;
        text.clone_into(&mut file.text);
        Ok(Written::Done)
    }

    async fn rename(&self, from: &FilePath, to: &FilePath) -> Result<Written, Self::Error> {
        let mut files = self.files();
        if files.contains_key(to) {
            return Ok(Written::Taken);
        }
        let Some(file) = files.remove(from) else {
            return Ok(Written::Stale);
        };
        files.insert(to.clone(), file);
        Ok(Written::Done)
    }

    async fn delete(&self, path: &FilePath) -> Result<bool, Self::Error> {
        Ok(self.files().remove(path).is_some())
    }

    async fn list(&self, directory: &FilePath) -> Result<Vec<Entry>, Self::Error> {
        let files = self.files();
        let below = files.iter().filter(|(path, _)| directory.relative(path).is_some());
        let entry = |(path, file): (&FilePath, &Read)| Entry {
            path: path.clone(),
            bytes: file.text.len() as u64,
        };
        Ok(below.map(entry).collect())
    }
}
