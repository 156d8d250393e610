//! Purge of all data of a person or a scope, and of everything derived from it.
//!
//! Contexts acknowledged before the call are gone when it returns; a concurrent store counts as coming after it. Snapshots
//! do not bring purged contexts back, see [`Snapshots`](crate::ports::Snapshots).

use std::fmt::Write as _;

use futures::stream::TryStreamExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::context::{Context, Level, to_millis};
use crate::engine::contexts::Contexts;
use crate::engine::lifecycle::Accesses;
use crate::engine::listing::{contexts, pages};
use crate::engine::models::Backoff;
use crate::ports::{ListRequest, StoreError};
use crate::{Error, Filter, Scope};

/// Number of contexts that are deleted at once.
const BATCH: usize = 500;
/// Maximum number of passes, so that a client that never stops storing for this person cannot keep the purge running.
const MAX_ROUNDS: u32 = 16;

/// Result of a purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Contexts of the person or the scope at each level, as in [`Level::ALL`].
    pub contexts: [u64; Level::ALL.len()],
    /// Contexts of others, or of nobody, that were derived from theirs.
    pub derived: u64,
    /// Number of all of these that were in working memory.
    pub working_memory: u64,
    /// Number of all of these that waited for their vector.
    pub pending: u64,
    /// Number of passes.
    pub rounds: u32,
    /// The proof.
    pub receipt: Receipt,
}

/// Proof that ties the deletions to a person and a time, without naming the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// SHA-256, in hexadecimal, of tenant, user or scope, time and the counts, one a line.
    pub hash: String,
    /// End of the purge.
    pub time: Timestamp,
}

impl Forgotten {
    /// Returns the number of deleted contexts.
    pub fn deleted(&self) -> u64 {
        self.contexts.iter().sum::<u64>() + self.derived
    }
}

/// Purge of the data of a person or a scope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purge<'a> {
    pub(crate) contexts: Contexts<'a>,
    pub(crate) backoff: &'a Backoff,
    pub(crate) accesses: &'a Accesses,
}

impl Purge<'_> {
    /// Purges what `of` matches until a pass finds nothing more. `subject` stands in the receipt.
    pub(crate) async fn run(&self, scope: &Scope, of: &Filter, subject: &str) -> Result<Forgotten, Error> {
        let mut forgotten = Forgotten {
            contexts: [0; Level::ALL.len()],
            derived: 0,
            working_memory: 0,
            pending: 0,
            rounds: 0,
            receipt: Receipt {
                hash: String::new(),
                time: to_millis(self.contexts.now()),
            },
        };
        loop {
            let before = forgotten.deleted();
            self.pass(scope, of, &mut forgotten).await?;
            forgotten.rounds += 1;
            if forgotten.deleted() == before || forgotten.rounds == MAX_ROUNDS {
                break;
            }
        }
        // Damaged contexts, which no list shows. The store also records the filter, so that no snapshot brings back contexts
        // of the person that garbage collection had discarded.
        self.contexts.store.delete(scope, of).await?;
        self.contexts.vocabularies.forget(scope.tenant());
        forgotten.receipt = receipt(scope, subject, &forgotten, to_millis(self.contexts.now()));
        Ok(forgotten)
    }

    /// Deletes the person's contexts, newest first, and all contexts derived from them. Contexts stored meanwhile come
    /// before the first page, so that every pass ends.
    async fn pass(&self, scope: &Scope, of: &Filter, forgotten: &mut Forgotten) -> Result<(), StoreError> {
        let mut filters = vec![of.clone()];
        while let Some(filter) = filters.pop() {
            let request = ListRequest {
                filter,
                limit: BATCH,
                ..ListRequest::default()
            };
            let mut pages = pages(self.contexts.store, scope, request);
            while let Some(page) = pages.try_next().await? {
                let page = contexts(page);
                if !page.is_empty() {
                    self.delete(scope, &page, of, forgotten).await?;
                    filters.push(Filter {
                        derived_from: page.iter().map(|context| context.id).collect(),
                        ..Filter::default()
                    });
                }
            }
        }
        Ok(())
    }

    async fn delete(
        &self,
        scope: &Scope,
        contexts: &[Context],
        of: &Filter,
        forgotten: &mut Forgotten,
    ) -> Result<(), StoreError> {
        // A concurrent change would write back the context that it has read.
        let _locks = self.contexts.locks.lock_contexts(scope.tenant(), contexts).await;
        for level in Level::ALL {
            let of_level = contexts.iter().filter(|context| context.level == level);
            let (own, derived): (Vec<_>, Vec<_>) = of_level.partition(|context| of.matches(context));
            forgotten.contexts[level.index()] += self.delete_ids(scope, &own).await?;
            forgotten.derived += self.delete_ids(scope, &derived).await?;
        }
        forgotten.pending += contexts.iter().filter(|context| !context.embedded).count() as u64;
        let immediate = contexts.iter().filter(|context| context.level == Level::Immediate);
        forgotten.working_memory += immediate.count() as u64;
        self.contexts.memory.offsets.forget(scope, contexts);
        self.accesses.forget(scope, contexts);
        self.backoff.forget(scope, contexts);
        Ok(())
    }

    async fn delete_ids(&self, scope: &Scope, contexts: &[&Context]) -> Result<u64, StoreError> {
        if contexts.is_empty() {
            return Ok(0);
        }
        // Whatever their levels are by now: what is derived cannot be found again.
        let ids = contexts.iter().map(|context| context.id).collect();
        self.contexts.store.delete(scope, &Filter::by_ids(ids)).await
    }
}

fn receipt(scope: &Scope, subject: &str, forgotten: &Forgotten, time: Timestamp) -> Receipt {
    let [immediate, short_term, long_term] = forgotten.contexts;
    let statement = format!(
        "{}\n{subject}\n{time:.3}\nimmediate={immediate}\nshort_term={short_term}\nlong_term={long_term}\nderived={}\n",
        scope.tenant().as_str(),
        forgotten.derived,
    );
    let mut hash = String::with_capacity(64);
    for byte in Sha256::digest(statement) {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    Receipt { hash, time }
}
