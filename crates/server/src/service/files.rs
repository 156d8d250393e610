//! Memory as files: a file is a context with its path as the key.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use context_manager_core::context::Origin;
use context_manager_core::files::{Command, Entry, FilePath, FileStore, Read, Reply, Written, run};
use context_manager_core::{Context, ContextEngine, Error, Filter, Level, Name, NewContext, Patch};
use serde_json::{Map, Value, json};

use super::audit::Affected;
use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

/// Tag of files: listings are made of the contexts that have it.
const TAG: &str = "file";
/// Key of the metadata that holds what a text cannot.
const REST: &str = "file";
/// Text of a file that has none, as no context is blank.
const BLANK: &str = "(empty file)";
/// Number of files that are read at once.
const PAGE: usize = 500;

impl Call {
    /// Runs a command of the memory tool on the files of a user, or of nobody, in a scope.
    pub(crate) async fn run_file_command(
        &self,
        command: Command,
        user_id: Option<String>,
        scope: Option<String>,
    ) -> Result<Reply, Failure> {
        let engine = self.engine(UseCase::RunFileCommand).await?;
        let files = Files {
            user_id: self.own_user(user_id)?,
            call: self.clone(),
            engine,
            scope,
            deleted: AtomicU64::new(0),
        };
        if !matches!(command, Command::Delete { .. }) {
            self.leave_unlogged();
        }
        if matches!(command, Command::View { .. }) {
            return run(&files, &command).await;
        }
        self.admit_write().await?;
        let (reply, deleted) = self
            .write(async move {
                let reply = run(&files, &command).await?;
                Ok((reply, files.deleted.into_inner()))
            })
            .await?;
        self.affected(Affected {
            contexts: deleted,
            what: format!("tags_all({TAG})"),
        });
        Ok(reply)
    }
}

/// Files of a user, or of nobody, in a scope.
#[derive(Debug)]
struct Files {
    call: Call,
    engine: Arc<ContextEngine>,
    user_id: Option<String>,
    scope: Option<String>,
    deleted: AtomicU64,
}

impl Files {
    fn name(&self, path: &FilePath) -> Name {
        Name {
            scope: self.scope.clone(),
            key: path.as_str().to_owned(),
        }
    }

    async fn context(&self, path: &FilePath) -> Result<Option<Context>, Error> {
        let user = self.user_id.as_deref();
        self.engine.named(self.call.scope(), &self.name(path), user).await
    }
}

#[async_trait]
impl FileStore for Files {
    type Error = Failure;

    async fn read(&self, path: &FilePath) -> Result<Option<Read>, Failure> {
        let file = self.context(path).await?;
        Ok(file.map(|file| Read {
            version: version(&file),
            text: content(&file),
        }))
    }

    async fn create(&self, path: &FilePath, text: &str) -> Result<Written, Failure> {
        let (text, rest) = split(text);
        let file = self.call.sign(NewContext {
            text,
            level: Level::LongTerm,
            user_id: self.user_id.clone(),
            scope: self.scope.clone(),
            key: Some(path.as_str().to_owned()),
            origin: Origin::Agent,
            tags: vec![TAG.to_owned()],
            metadata: rest.into_iter().map(|rest| (REST.to_owned(), rest)).collect(),
            ..NewContext::default()
        })?;
        let (engine, scope) = (&self.engine, self.call.scope());
        let room = self.call.service().guards.quotas.reserve(engine, scope, &file).await?;
        match engine.create(scope, file).await {
            Ok(_) => {
                room.keep();
                Ok(Written::Done)
            }
            Err(Error::Conflict(_)) => Ok(Written::Taken),
            Err(error) => Err(error.into()),
        }
    }

    async fn replace(&self, path: &FilePath, read: u64, text: &str) -> Result<Written, Failure> {
        let Some(file) = self.context(path).await?.filter(|file| version(file) == read) else {
            return Ok(Written::Stale);
        };
        let (text, rest) = split(text);
        let edit = Patch {
            text: Some(text),
            metadata: Some(Map::from_iter([(REST.to_owned(), rest.unwrap_or_default())])),
            by: Some(self.call.key_id()),
            ..Patch::default()
        };
        let (engine, scope) = (&self.engine, self.call.scope());
        let quotas = &self.call.service().guards.quotas;
        let room = quotas.reserve_change(engine, scope, file.id, &edit).await?;
        match engine.update_read(scope, &file, edit).await {
            Ok(_) => {
                room.keep();
                Ok(Written::Done)
            }
            Err(Error::Conflict(_) | Error::NotFound(_)) => Ok(Written::Stale),
            Err(error) => Err(error.into()),
        }
    }

    async fn rename(&self, from: &FilePath, to: &FilePath) -> Result<Written, Failure> {
        let user = self.user_id.as_deref();
        let key = to.as_str().to_owned();
        let name = self.name(from);
        match self.engine.rename(self.call.scope(), &name, user, key).await {
            Ok(Some(_)) => Ok(Written::Done),
            Ok(None) => Ok(Written::Stale),
            Err(Error::Conflict(_)) => Ok(Written::Taken),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, path: &FilePath) -> Result<bool, Failure> {
        let user = self.user_id.as_deref();
        let deleted = self
            .engine
            .delete_named(self.call.scope(), &self.name(path), user)
            .await?;
        self.deleted.fetch_add(deleted.into(), Ordering::Relaxed);
        Ok(deleted)
    }

    async fn list(&self, directory: &FilePath) -> Result<Vec<Entry>, Failure> {
        let filter = Filter {
            tags_all: vec![TAG.to_owned()],
            user_id: self.user_id.clone(),
            scope: self.scope.clone(),
            ..Filter::default()
        };
        let below = format!("{directory}/");
        let mut files = BTreeMap::new();
        let mut after = None;
        loop {
            let scope = self.call.scope();
            let page = self.engine.list(scope, filter.clone(), false, after, PAGE).await?;
            for file in page.items {
                let key = file.key.as_deref().filter(|key| key.starts_with(&below));
                let path = key.and_then(|key| FilePath::try_new(key).ok());
                if let Some(path) = path.filter(|_| file.user_id == self.user_id && file.scope == self.scope) {
                    // The newest comes first.
                    files.entry(path).or_insert_with(|| content(&file).len() as u64);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok(files.into_iter().map(|(path, bytes)| Entry { path, bytes }).collect())
    }
}

/// Divides the content of a file into the text of its context, which has no white space around it, and the rest.
fn split(content: &str) -> (String, Option<Value>) {
    let text = content.trim();
    if text.is_empty() {
        return (BLANK.to_owned(), Some(json!({"blank": content})));
    }
    let before = &content[..content.len() - content.trim_start().len()];
    let after = &content[content.trim_end().len()..];
    let rest = (text.len() < content.len()).then(|| json!({"before": before, "after": after}));
    (text.to_owned(), rest)
}

fn content(file: &Context) -> String {
    join(&file.text, &file.metadata)
}

/// Returns the content of a file, byte for byte.
fn join(text: &str, metadata: &Map<String, Value>) -> String {
    let part = |name: &str| {
        metadata
            .get(REST)
            .and_then(|rest| rest.get(name))
            .and_then(Value::as_str)
    };
    match part("blank") {
        Some(blank) if text == BLANK => blank.to_owned(),
        Some(_) | None => [part("before"), Some(text), part("after")]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// Returns a number that is another one after every change. The content counts too: a version that was undone leaves its
/// number to the next one.
fn version(file: &Context) -> u64 {
    let mut hasher = DefaultHasher::new();
    (file.id, file.revision.version, content(file)).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_file_comes_back() {
        for sent in [
            "",
            " ",
            "\n\n",
            "a",
            "a\n",
            "\u{feff}a\r\n\t",
            "  # a\n\nb \u{3000}",
            "(empty file)",
            "(empty file)\n",
        ] {
            let (text, rest) = split(sent);
            assert!(!text.trim().is_empty() && text.trim() == text, "{sent:?}");
            let metadata = rest.map(|rest| (REST.to_owned(), rest)).into_iter().collect();
            assert_eq!(join(&text, &metadata), sent);
        }
    }
}
