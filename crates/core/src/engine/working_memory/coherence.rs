//! Coherence of the cache of sessions with the store: every write is announced to the cache before, and applied to it after.

use std::collections::BTreeSet;
use std::iter;
use std::sync::Arc;

use crate::context::{Context, ContextId, Level};
use crate::ports::{Affected, Announced, Change, Record, SessionCache, StoreError, VectorStore};
use crate::{Filter, Scope};

/// The cache that follows the writes to a store, if there is one. Every announcement fails as [`SessionCache::begin`] does.
#[derive(Debug)]
pub(in crate::engine) struct Coherence {
    cache: Option<Arc<dyn SessionCache>>,
    /// Set if other processes write to the store: it then skips, without a word, contexts that they changed or deleted.
    is_shared: bool,
}

/// A write that begins, and is announced if it concerns the cache.
#[derive(Debug)]
#[must_use = "a write that does not end has an unknown outcome"]
pub(in crate::engine) struct Following<'a>(Option<Concerning<'a>>);

/// An announced write, with its changes.
#[derive(Debug)]
struct Concerning<'a> {
    cache: &'a dyn SessionCache,
    announced: Announced,
    changes: Vec<Change>,
}

impl Coherence {
    pub(in crate::engine) fn new(cache: Option<Arc<dyn SessionCache>>, is_shared: bool) -> Self {
        Self { cache, is_shared }
    }

    /// Announces new records that replace any of the same id.
    pub(in crate::engine) async fn upsert(
        &self,
        scope: &Scope,
        records: &[Record],
    ) -> Result<Following<'_>, StoreError> {
        self.sessions(scope, immediate(records), iter::once(Change::Unknown))
            .await
    }

    /// Announces new records, and changed ones of any level before.
    pub(in crate::engine) async fn replace(
        &self,
        scope: &Scope,
        new: &[Record],
        changed: &[Record],
    ) -> Result<Following<'_>, StoreError> {
        let concerned = immediate(new).chain(changed.iter().map(|record| &record.context));
        let added = new.iter().filter(|record| record.context.level == Level::Immediate);
        // A session that has both is read from the store: replacing comes first.
        let replaced = changed.iter().map(replaced);
        let all = replaced.chain(added.cloned().map(Change::Added));
        self.sessions(scope, concerned, all).await
    }

    /// Announces changed contexts of which the store does not tell whether it wrote them.
    pub(in crate::engine) async fn update(
        &self,
        scope: &Scope,
        contexts: &[Context],
    ) -> Result<Following<'_>, StoreError> {
        let changes = contexts.iter().map(|context| {
            if self.is_shared {
                Change::Unknown
            } else {
                Change::Updated(context.clone())
            }
        });
        self.sessions(scope, contexts.iter(), changes).await
    }

    /// Announces contexts that change to others.
    pub(in crate::engine) async fn update_unchanged(
        &self,
        scope: &Scope,
        pairs: &[(Context, Context)],
    ) -> Result<Following<'_>, StoreError> {
        let concerned = pairs.iter().filter(|(before, after)| concerns(before, after));
        let changes = concerned.clone().map(|(_, after)| Change::Updated(after.clone()));
        self.sessions(scope, concerned.map(|(_, after)| after), changes).await
    }

    /// Announces contexts that change to records.
    pub(in crate::engine) async fn replace_unchanged(
        &self,
        scope: &Scope,
        pairs: &[(Context, Record)],
    ) -> Result<Following<'_>, StoreError> {
        let concerned = pairs.iter().filter(|(before, after)| concerns(before, &after.context));
        let changes = concerned.clone().map(|(_, after)| replaced(after));
        self.sessions(scope, concerned.map(|(_, after)| &after.context), changes)
            .await
    }

    /// Announces contexts that get their vectors.
    pub(in crate::engine) async fn set_vectors(
        &self,
        scope: &Scope,
        embedded: &[(Context, Vec<f32>)],
    ) -> Result<Following<'_>, StoreError> {
        let concerned = embedded.iter().filter(|(context, _)| context.level == Level::Immediate);
        let changes = concerned
            .clone()
            .map(|(context, vector)| Change::Embedded(context.clone(), vector.clone()));
        self.sessions(scope, concerned.map(|(context, _)| context), changes)
            .await
    }

    /// Announces the deletion of what matches.
    ///
    /// # Errors
    /// [`StoreError`] when the sessions of contexts cannot be read.
    pub(in crate::engine) async fn delete(
        &self,
        store: &dyn VectorStore,
        scope: &Scope,
        filter: &Filter,
    ) -> Result<Following<'_>, StoreError> {
        let is_immediate = filter.levels.is_empty() || filter.levels.contains(&Level::Immediate);
        if self.cache.is_none() || !is_immediate {
            return Ok(Following(None));
        }
        let affected = if filter.session_id.is_some() {
            Affected::Sessions(vec![filter.session_id.clone()])
        } else if let Some(ids) = filter.ids.as_ref().filter(|_| self.is_shared) {
            let found = store.get(scope, ids).await?;
            if found.len() < ids.len() {
                // One that is not there yet may be stored in any session meanwhile.
                Affected::Tenant
            } else {
                Affected::Sessions(distinct(found.iter()))
            }
        } else {
            Affected::Tenant
        };
        let changes = vec![Change::Deleted(filter.clone())];
        self.announce(scope, affected, changes).await
    }

    /// Announces changes to the sessions of these contexts; nothing without a context.
    async fn sessions<'c>(
        &self,
        scope: &Scope,
        contexts: impl Iterator<Item = &'c Context>,
        changes: impl Iterator<Item = Change>,
    ) -> Result<Following<'_>, StoreError> {
        let sessions = distinct(contexts);
        if self.cache.is_none() || sessions.is_empty() {
            return Ok(Following(None));
        }
        self.announce(scope, Affected::Sessions(sessions), changes.collect())
            .await
    }

    async fn announce(
        &self,
        scope: &Scope,
        affected: Affected,
        changes: Vec<Change>,
    ) -> Result<Following<'_>, StoreError> {
        let Some(cache) = self.cache.as_deref() else {
            return Ok(Following(None));
        };
        let announced = cache.begin(scope.tenant(), affected).await?;
        Ok(Following(Some(Concerning {
            cache,
            announced,
            changes,
        })))
    }
}

impl Following<'_> {
    /// Applies the write, if it succeeded; a failure leaves its outcome unknown.
    pub(in crate::engine) async fn end<T>(self, result: &Result<T, StoreError>) {
        let Some(Concerning {
            cache,
            announced,
            changes,
        }) = self.0
        else {
            return;
        };
        let changes = if result.is_ok() { changes } else { vec![Change::Unknown] };
        cache.commit(announced, changes).await;
    }

    /// Applies a write of which the store returns the ids that it wrote.
    pub(in crate::engine) async fn end_with(mut self, result: &Result<Vec<ContextId>, StoreError>) {
        if let (Some(concerning), Ok(written)) = (&mut self.0, result) {
            // Others were changed or deleted by another process, which follows its own write.
            concerning.changes.retain(|change| match change {
                Change::Replaced(record) => written.contains(&record.context.id),
                Change::Updated(context) => written.contains(&context.id),
                Change::Added(_) | Change::Embedded(..) | Change::Deleted(_) | Change::Unknown => true,
            });
        }
        self.end(result).await;
    }
}

/// Returns the change of a record that was stored before; one that is not immediate only leaves the level.
fn replaced(record: &Record) -> Change {
    if record.context.level == Level::Immediate {
        Change::Replaced(record.clone())
    } else {
        Change::Updated(record.context.clone())
    }
}

fn immediate(records: &[Record]) -> impl Iterator<Item = &Context> {
    let contexts = records.iter().map(|record| &record.context);
    contexts.filter(|context| context.level == Level::Immediate)
}

/// Returns `true` if a change concerns working memory.
fn concerns(before: &Context, after: &Context) -> bool {
    before.level == Level::Immediate || after.level == Level::Immediate
}

fn distinct<'c>(contexts: impl Iterator<Item = &'c Context>) -> Vec<Option<String>> {
    let sessions: BTreeSet<&Option<String>> = contexts.map(|context| &context.session_id).collect();
    sessions.into_iter().cloned().collect()
}
