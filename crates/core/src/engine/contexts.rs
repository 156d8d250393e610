//! The stored contexts, with the locks and the model that guard them, and the state of this process that follows them.

use jiff::Timestamp;

use super::locks::KeyedLocks;
use super::model_in_use::Models;
use super::sequences::Sequences;
use super::vocabulary::Vocabularies;
use super::working_memory::WorkingMemory;
use crate::context::{Context, ContextId};
use crate::ports::{Clock, VectorStore};
use crate::{Error, Scope};

/// Access to stored contexts. A write must keep working memory and vocabularies up to date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contexts<'a> {
    pub(super) store: &'a dyn VectorStore,
    pub(super) clock: &'a dyn Clock,
    pub(super) locks: &'a KeyedLocks,
    pub(super) models: &'a Models,
    pub(super) memory: &'a WorkingMemory,
    pub(super) sequences: &'a Sequences,
    pub(super) vocabularies: &'a Vocabularies,
}

impl Contexts<'_> {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns a context that has not expired.
    pub(super) async fn get(&self, scope: &Scope, id: ContextId) -> Result<Context, Error> {
        let found = self.store.get(scope, &[id]).await?.pop();
        let now = self.now();
        found.filter(|context| context.is_live(now)).ok_or(Error::NotFound(id))
    }
}
