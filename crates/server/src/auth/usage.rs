//! Time of the last use of each key: in a file beside that of the keys, or in the store that servers share.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

use context_manager_core::ports::{MAX_DOCUMENT_BYTES, SharedDocument, SharedDocuments, StoreError};
use jiff::{SignedDuration, Timestamp};

use super::files::replace;
use super::shared::KIND;

/// Name of the document of uses.
const USES: &str = "key_uses";
/// Precision in the store: a use is written if the last one known there is this old. One write then holds for every server.
const PRECISION: SignedDuration = SignedDuration::from_mins(5);
/// Maximum number of attempts to write to the store.
const MAX_ATTEMPTS: usize = 4;

/// Time of the last use of each key, by id.
pub type Usage = BTreeMap<String, Timestamp>;

fn path(keys_file: &Path) -> PathBuf {
    keys_file.with_extension("used.toml")
}

/// Reads the file; an unreadable one counts as empty.
pub fn read(keys_file: &Path) -> Usage {
    let text = match fs::read_to_string(path(keys_file)) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tracing::warn!(%error, "when keys were used last cannot be read");
            }
            return Usage::default();
        }
    };
    toml::from_str(&text).unwrap_or_default()
}

/// Reads the uses in the store; none if they cannot be read.
pub(super) async fn read_shared(store: &dyn SharedDocuments) -> Usage {
    match store.document(KIND, USES).await {
        Ok(document) => document.as_ref().map(parse).unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "when keys were used last cannot be read from the store");
            Usage::default()
        }
    }
}

fn parse(document: &SharedDocument) -> Usage {
    toml::from_str(&document.text).unwrap_or_default()
}

/// Adds later uses.
pub(super) fn add(usage: &mut Usage, later: impl IntoIterator<Item = (String, Timestamp)>) {
    for (id, at) in later {
        usage
            .entry(id)
            .and_modify(|before| *before = (*before).max(at))
            .or_insert(at);
    }
}

/// Adds the latest uses to the file.
pub(super) fn merge(keys_file: &Path, used: Usage) -> io::Result<()> {
    let mut usage = read(keys_file);
    add(&mut usage, used);
    let text = toml::to_string(&usage).map_err(io::Error::other)?;
    replace(&path(keys_file), &text)
}

/// Adds the latest uses to the store, unless it knows of some that are hardly older. After many attempts that other servers
/// forestalled, nothing is added.
pub(super) async fn share(store: &dyn SharedDocuments, used: &Usage) -> Result<(), StoreError> {
    for _ in 0..MAX_ATTEMPTS {
        let document = store.document(KIND, USES).await?;
        let mut usage = document.as_ref().map(parse).unwrap_or_default();
        let is_news = |(id, at): &(&String, &Timestamp)| {
            let known = usage.get(*id);
            known.is_none_or(|known| at.duration_since(*known) >= PRECISION)
        };
        if !used.iter().any(|entry| is_news(&entry)) {
            return Ok(());
        }
        add(&mut usage, used.clone());
        let version = document.map(|document| document.version);
        if store
            .replace_document(KIND, USES, version, &fitting(usage))
            .await?
            .is_some()
        {
            return Ok(());
        }
    }
    Ok(())
}

/// Prints uses, the latest of them if there are too many.
fn fitting(mut usage: Usage) -> String {
    loop {
        // Ids and times can always be printed.
        let text = toml::to_string(&usage).unwrap_or_default();
        if text.len() <= MAX_DOCUMENT_BYTES {
            return text;
        }
        let mut times: Vec<Timestamp> = usage.values().copied().collect();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or(Timestamp::MAX);
        usage.retain(|_, at| *at > median);
    }
}
