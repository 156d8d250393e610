//! Near-duplicates: contexts of the same scope and level that say the same in nearly the same words.
//!
//! Whoever stores into a scope and level waits for the others that do. Then they are looked for, locked and looked for
//! again: what a context replaces must not change meanwhile, and which ones these are is only known when they were found.

use std::collections::HashSet;

use super::ContextEngine;
use super::locks::{Guards, Key};
use super::plan::Draft;
use crate::context::{Context, ContextId};
use crate::lexical::Analyzer;
use crate::lifecycle::{Dedup, NearDuplicates};
use crate::ports::{Record, StoreError, StoreQuery};
use crate::rank::cosine;
use crate::{Filter, Scope, Visibility};

/// How many of the nearest are looked at first; more follow as long as all of them are near enough.
const FIRST: usize = 32;
/// The most of the nearest that are looked at.
const MOST: usize = 2048;
/// Two texts share this part of their word pairs to be taken for near-duplicates when one has no vector.
const BY_WORDS_ALONE: f32 = 0.9;

/// Everything that writing some drafts is about, locked.
#[derive(Debug)]
pub(super) struct Locked(
    #[expect(dead_code, reason = "held until dropped")] Guards,
    #[expect(dead_code, reason = "held until dropped")] Option<Guards>,
);

/// Tells whether two contexts say nearly the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alike<'a> {
    dedup: &'a Dedup,
    analyzer: &'a Analyzer,
}

impl Alike<'_> {
    pub(super) fn policy(&self) -> NearDuplicates {
        self.dedup.policy
    }

    /// Whether `old` stands in the scope and level of `new`, is near to it and says the same in nearly the same words.
    pub(super) fn says_the_same(&self, new: &Record, old: &Record) -> bool {
        if self.dedup.policy == NearDuplicates::Keep || !same_place(&new.context, &old.context) {
            return false;
        }
        let likeness = match (&new.dense, &old.dense) {
            (Some(new), Some(old)) if cosine(new, old) >= self.dedup.similarity_threshold => self.dedup.text_likeness,
            (Some(_), Some(_)) => return false,
            (None, _) | (_, None) => BY_WORDS_ALONE,
        };
        let wording = |record: &Record| self.analyzer.wording(&record.context.text);
        wording(new).nearly_same(&wording(old), likeness)
    }
}

fn same_place(a: &Context, b: &Context) -> bool {
    (a.level, &a.user_id, &a.agent_id, &a.session_id) == (b.level, &b.user_id, &b.agent_id, &b.session_id)
}

impl Draft {
    fn scope_key(&self) -> Key<'_> {
        let context = &self.record.context;
        let [user, agent, session] =
            [&context.user_id, &context.agent_id, &context.session_id].map(|part| part.as_deref());
        Key::Scope(user, agent, session, context.level)
    }
}

impl ContextEngine {
    pub(super) fn alike(&self) -> Alike<'_> {
        Alike {
            dedup: &self.lifecycle.dedup,
            analyzer: &self.preparer.analyzer,
        }
    }

    /// Locks everything that writing the drafts is about, and finds for each what says nearly the same.
    pub(super) async fn lock_drafts(
        &self,
        scope: &Scope,
        drafts: &[Draft],
    ) -> Result<(Locked, Vec<Vec<Context>>), StoreError> {
        let keys = || drafts.iter().flat_map(Draft::keys);
        if self.lifecycle.dedup.policy == NearDuplicates::Keep {
            let guards = self.locks.lock(scope.tenant(), keys()).await;
            return Ok((Locked(guards, None), vec![Vec::new(); drafts.len()]));
        }
        // These locks come before all others: whoever stores into the same scope and level waits here.
        let scopes = self
            .scope_locks
            .lock(scope.tenant(), drafts.iter().map(Draft::scope_key))
            .await;
        let near = self.near_duplicates(scope, drafts).await?;
        let locked: HashSet<ContextId> = near.iter().flatten().map(|context| context.id).collect();
        let others = locked.iter().map(|id| Key::Id(*id));
        let guards = self.locks.lock(scope.tenant(), keys().chain(others)).await;
        let mut near = self.near_duplicates(scope, drafts).await?;
        for near in &mut near {
            // One that was reworded just now is not locked: it is passed over.
            near.retain(|context| locked.contains(&context.id));
        }
        Ok((Locked(guards, Some(scopes)), near))
    }

    async fn near_duplicates(&self, scope: &Scope, drafts: &[Draft]) -> Result<Vec<Vec<Context>>, StoreError> {
        let mut near = Vec::with_capacity(drafts.len());
        for draft in drafts {
            near.push(self.near_duplicates_of(scope, &draft.record).await?);
        }
        Ok(near)
    }

    async fn near_duplicates_of(&self, scope: &Scope, new: &Record) -> Result<Vec<Context>, StoreError> {
        let context = &new.context;
        let filter = Filter {
            levels: vec![context.level],
            user_id: context.user_id.clone(),
            agent_id: context.agent_id.clone(),
            session_id: context.session_id.clone(),
            visibility: Visibility::Current(self.clock.now()),
            ..Filter::default()
        };
        let mut limit = FIRST;
        loop {
            let query = StoreQuery {
                dense: new.dense.clone(),
                terms: new.dense.is_none().then(|| new.terms.clone()),
                filter: filter.clone(),
                limit,
                exact: false,
            };
            let found = self.store.search(scope, query).await?;
            // A filter without a user matches all users: those of others may fill the whole list.
            let threshold = self.lifecycle.dedup.similarity_threshold;
            let all_near = found
                .iter()
                .all(|found| found.dense.is_some_and(|cosine| cosine >= threshold));
            if found.len() >= limit && all_near && limit < MOST {
                limit *= 4;
                continue;
            }
            let alike = self.alike();
            let same = found.iter().filter(|found| alike.says_the_same(new, &found.record));
            return Ok(same.map(|found| found.record.context.clone()).collect());
        }
    }
}
