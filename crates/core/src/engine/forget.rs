//! Forgetting a person: everything of theirs, and everything made from it.
//!
//! What was acknowledged before the call is gone when it returns. A store that runs at the same time counts as coming
//! after it. Backups are the store's business: what is deleted here does not come back with them, see
//! [`Snapshots`](crate::ports::Snapshots).

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::ContextEngine;
use super::locks::Key;
use crate::context::{Context, ContextId, Level, MAX_ID_BYTES, Violations, to_millis};
use crate::ports::ListRequest;
use crate::{Error, Filter, Scope};

/// How many contexts are deleted at once.
const BATCH: usize = 500;
/// How often everything is looked through again, as long as something new was found. A client that never stops storing
/// for this person would otherwise keep this going for ever.
const MAX_ROUNDS: u32 = 16;

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Contexts of the person at each level, as in [`Level::ALL`].
    pub contexts: [u64; Level::ALL.len()],
    /// Contexts of others, or of nobody, that were made from theirs.
    pub derived: u64,
    /// Of all of these: how many were in working memory.
    pub working_memory: u64,
    /// Of all of these: how many waited for their vector.
    pub pending: u64,
    /// How often everything was looked through.
    pub rounds: u32,
    /// The proof.
    pub receipt: Receipt,
}

/// Ties what was done to a person and a time, without naming the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// SHA-256, in hexadecimal, of tenant, user, time and the counts, one a line.
    pub hash: String,
    /// When it was done.
    pub time: Timestamp,
}

impl Forgotten {
    /// How many contexts were deleted.
    pub fn deleted(&self) -> u64 {
        self.contexts.iter().sum::<u64>() + self.derived
    }
}

impl ContextEngine {
    /// Deletes every context of a user at all levels, and what was made from them, and forgets what is in memory about
    /// them. Looks again until nothing is left.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Store`]; what was deleted by then is gone, and calling again goes on.
    pub async fn forget_user(&self, scope: &Scope, user_id: &str) -> Result<Forgotten, Error> {
        let mut found = Violations::default();
        found.word("/user_id", user_id, MAX_ID_BYTES);
        found.into_result()?;
        let mut forgotten = Forgotten {
            contexts: [0; Level::ALL.len()],
            derived: 0,
            working_memory: 0,
            pending: 0,
            rounds: 0,
            receipt: Receipt {
                hash: String::new(),
                time: to_millis(self.clock.now()),
            },
        };
        let of_user = Filter {
            user_id: Some(user_id.to_owned()),
            ..Filter::default()
        };
        loop {
            let before = forgotten.deleted();
            self.forget_matching(scope, &of_user, user_id, &mut forgotten).await?;
            forgotten.rounds += 1;
            if forgotten.deleted() == before || forgotten.rounds == MAX_ROUNDS {
                break;
            }
        }
        self.vocabularies.forget(scope.tenant());
        forgotten.receipt = receipt(scope, user_id, &forgotten, to_millis(self.clock.now()));
        Ok(forgotten)
    }

    /// Deletes what matches, from the last stored to the first, and what was made from it. What is stored meanwhile comes
    /// after the first page, so a client that never stops storing does not keep this going.
    async fn forget_matching(
        &self,
        scope: &Scope,
        of_user: &Filter,
        user_id: &str,
        forgotten: &mut Forgotten,
    ) -> Result<(), Error> {
        let mut filters = vec![of_user.clone()];
        while let Some(filter) = filters.pop() {
            let mut request = ListRequest {
                filter,
                limit: BATCH,
                ..ListRequest::default()
            };
            loop {
                let page = self.store.list(scope, request.clone()).await?;
                let contexts: Vec<Context> = page.items.into_iter().map(|record| record.context).collect();
                if !contexts.is_empty() {
                    self.forget_contexts(scope, &contexts, user_id, forgotten).await?;
                    filters.push(Filter {
                        derived_from: contexts.iter().map(|context| context.id).collect(),
                        ..Filter::default()
                    });
                }
                request.after = page.next;
                if request.after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn forget_contexts(
        &self,
        scope: &Scope,
        contexts: &[Context],
        user_id: &str,
        forgotten: &mut Forgotten,
    ) -> Result<(), Error> {
        let ids: Vec<ContextId> = contexts.iter().map(|context| context.id).collect();
        let sessions = contexts
            .iter()
            .map(|context| Key::Session(context.session_id.as_deref()));
        let keys = ids.iter().map(|id| Key::Id(*id)).chain(sessions);
        // A change that runs would write back what it has read.
        let _locks = self.locks.lock(scope.tenant(), keys).await;
        for level in Level::ALL {
            let of_level = |context: &&Context| context.level == level;
            let (own, derived): (Vec<&Context>, Vec<&Context>) = contexts
                .iter()
                .filter(of_level)
                .partition(|context| context.user_id.as_deref() == Some(user_id));
            forgotten.contexts[level.index()] += self.delete_ids(scope, &own).await?;
            forgotten.derived += self.delete_ids(scope, &derived).await?;
        }
        forgotten.pending += contexts.iter().filter(|context| !context.embedded).count() as u64;
        let at_hand = self.l1.deleted(scope.tenant(), &Filter::by_ids(ids.clone()));
        forgotten.working_memory += if self.store.is_shared() {
            let immediate = contexts.iter().filter(|context| context.level == Level::Immediate);
            immediate.count() as u64
        } else {
            at_hand as u64
        };
        self.accesses.forget(scope, &ids);
        self.pending.forget(scope, &ids);
        for session in contexts.iter().filter_map(|context| context.session_id.clone()) {
            self.tracks.invalidate(&(scope.tenant().clone(), session));
        }
        Ok(())
    }

    async fn delete_ids(&self, scope: &Scope, contexts: &[&Context]) -> Result<u64, Error> {
        if contexts.is_empty() {
            return Ok(0);
        }
        let ids = contexts.iter().map(|context| context.id).collect();
        Ok(self.store.delete(scope, &Filter::by_ids(ids)).await?)
    }
}

fn receipt(scope: &Scope, user_id: &str, forgotten: &Forgotten, time: Timestamp) -> Receipt {
    let [immediate, short_term, long_term] = forgotten.contexts;
    let statement = format!(
        "{}\n{user_id}\n{time:.3}\nimmediate={immediate}\nshort_term={short_term}\nlong_term={long_term}\nderived={}\n",
        scope.tenant().as_str(),
        forgotten.derived,
    );
    Receipt {
        hash: hex(&Sha256::digest(statement)),
        time,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
