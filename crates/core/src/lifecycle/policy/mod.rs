//! Contexts to delete by policy: idle, seldom served, unimportant, over a quota, or beyond the newest of a session.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::Policy;
use crate::context::{Context, ContextId};
use crate::rank;

/// The part of a context that policies read: a hundred bytes, so that those of a whole tenant fit into memory.
#[derive(Debug, Clone)]
pub(crate) struct PolicyInput {
    pub(crate) id: ContextId,
    updated_at: Timestamp,
    accesses: u64,
    importance: f32,
    pinned: bool,
    /// Time of the last store, change or access.
    last_used: Timestamp,
    /// Value, 0 to 1; the lowest is deleted first.
    value: f32,
    /// Bytes of the text.
    bytes: u64,
    sequence: u64,
    user: Option<u32>,
    session: Option<u32>,
    /// One bit for each policy that applies.
    policies: u64,
}

/// Numbers for names, so that each name is in memory once.
#[derive(Debug, Default)]
pub(crate) struct Interner(HashMap<String, u32>);

impl Interner {
    fn number(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

impl PolicyInput {
    /// Reads `context` at `now`; `None` if none of `policies` applies to it.
    ///
    /// The value is the mean of importance, frequency and the recency of its last use, which halves every `half_life_secs`.
    /// Superseded contexts have the value 0.
    pub(crate) fn of(
        context: &Context,
        policies: &[Policy],
        now: Timestamp,
        half_life_secs: u64,
        [users, sessions]: [&mut Interner; 2],
    ) -> Option<Self> {
        let applies = |policy: &Policy| {
            policy.levels().contains(&context.level)
                && (policy.tags_any.is_empty() || policy.tags_any.iter().any(|tag| context.tags.contains(tag)))
        };
        let applying = policies.iter().enumerate().filter(|(_, policy)| applies(policy));
        let bits = applying.fold(0, |bits, (at, _)| bits | 1 << at);
        if bits == 0 {
            return None;
        }
        let last_used = context
            .last_accessed_at
            .max(Some(context.updated_at))
            .unwrap_or(context.created_at);
        let recency = rank::recency(last_used.into(), now, half_life_secs);
        let value = (context.importance + rank::frequency(context.access_count) + recency) / 3.0;
        Some(Self {
            id: context.id,
            updated_at: context.updated_at,
            accesses: context.access_count,
            importance: context.importance,
            pinned: context.pinned,
            last_used,
            value: if context.superseded_by.is_some() { 0.0 } else { value },
            bytes: context.text.len() as u64,
            sequence: context.sequence,
            user: context.user_id.as_deref().map(|user| users.number(user)),
            session: context.session_id.as_deref().map(|session| sessions.number(session)),
            policies: bits,
        })
    }

    /// Returns `true` if `context` still has the state that was read.
    pub(crate) fn is_of(&self, context: &Context) -> bool {
        self.id == context.id
            && self.updated_at == context.updated_at
            && self.accesses == context.access_count
            && !context.pinned
    }
}

/// Returns the indices in `inputs` of contexts to delete at `now`, lowest value first, each with the index of the first
/// policy that requires it.
pub(crate) fn judge(policies: &[Policy], inputs: &[PolicyInput], now: Timestamp) -> Vec<(usize, usize)> {
    let mut by_value: Vec<usize> = (0..inputs.len()).collect();
    by_value.sort_unstable_by(|a, b| {
        let (a, b) = (&inputs[*a], &inputs[*b]);
        let value = a.value.total_cmp(&b.value);
        value.then(a.sequence.cmp(&b.sequence)).then(a.id.cmp(&b.id))
    });
    let mut verdicts: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, policy) in policies.iter().enumerate() {
        let mut about: Vec<usize> = by_value.clone();
        about.retain(|at| inputs[*at].policies & (1 << number) != 0);
        for at in due(policy, inputs, &about, now) {
            verdicts.entry(at).or_insert(number);
        }
    }
    by_value.retain(|at| verdicts.contains_key(at));
    by_value.into_iter().map(|at| (at, verdicts[&at])).collect()
}

/// Returns those of `about`, which are sorted by value, that meet every condition of a policy.
fn due(policy: &Policy, inputs: &[PolicyInput], about: &[usize], now: Timestamp) -> Vec<usize> {
    let tenant = |_: &PolicyInput| Some(0);
    let user = |standing: &PolicyInput| standing.user;
    let contexts = |_: &PolicyInput| 1;
    let bytes = |standing: &PolicyInput| standing.bytes;
    let mut left: Vec<usize> = about.to_vec();
    let mut only = |marked: Option<Vec<bool>>| {
        if let Some(marked) = marked {
            left.retain(|at| marked[*at]);
        }
    };
    let over = |quota: Option<u64>, owner: &dyn Fn(&PolicyInput) -> Option<u32>, size: &dyn Fn(&PolicyInput) -> u64| {
        quota.map(|most| over_quota(inputs, about, most, owner, size))
    };
    only(over(policy.tenant_max_contexts, &tenant, &contexts));
    only(over(policy.tenant_max_bytes, &tenant, &bytes));
    only(over(policy.user_max_contexts, &user, &contexts));
    only(over(policy.user_max_bytes, &user, &bytes));
    let newest = policy.keep_newest_per_session;
    only(newest.map(|newest| beyond_newest(inputs, about, newest)));
    let idle = |standing: &PolicyInput| {
        policy.idle_secs.is_none_or(|secs| {
            let unused_millis = now.as_millisecond().saturating_sub(standing.last_used.as_millisecond());
            u64::try_from(unused_millis).unwrap_or(0) >= secs.saturating_mul(1000)
        })
    };
    left.retain(|at| {
        let standing = &inputs[*at];
        !standing.pinned
            && idle(standing)
            && policy.max_accesses.is_none_or(|most| standing.accesses <= most)
            && policy.below_importance.is_none_or(|least| standing.importance < least)
    });
    left
}

/// Marks the contexts to delete so that each owner has at most `most`, lowest value first. Pinned contexts count but are
/// never marked.
fn over_quota(
    inputs: &[PolicyInput],
    by_value: &[usize],
    most: u64,
    owner: &dyn Fn(&PolicyInput) -> Option<u32>,
    size: &dyn Fn(&PolicyInput) -> u64,
) -> Vec<bool> {
    let mut totals: HashMap<u32, u64> = HashMap::new();
    for standing in by_value.iter().map(|at| &inputs[*at]) {
        if let Some(owner) = owner(standing) {
            *totals.entry(owner).or_default() += size(standing);
        }
    }
    let mut marked = vec![false; inputs.len()];
    for at in by_value {
        let standing = &inputs[*at];
        let total = owner(standing).and_then(|owner| totals.get_mut(&owner));
        if let Some(total) = total.filter(|total| **total > most && !standing.pinned) {
            *total -= size(standing);
            marked[*at] = true;
        }
    }
    marked
}

/// Marks the contexts of each session beyond its `newest` newest.
fn beyond_newest(inputs: &[PolicyInput], about: &[usize], newest: u64) -> Vec<bool> {
    let mut sessions: HashMap<u32, Vec<usize>> = HashMap::new();
    for at in about {
        if let Some(session) = inputs[*at].session {
            sessions.entry(session).or_default().push(*at);
        }
    }
    let mut marked = vec![false; inputs.len()];
    for mut session in sessions.into_values() {
        session.sort_unstable_by_key(|at| std::cmp::Reverse((inputs[*at].sequence, inputs[*at].id)));
        for at in session.into_iter().skip(usize::try_from(newest).unwrap_or(usize::MAX)) {
            marked[at] = true;
        }
    }
    marked
}

#[cfg(test)]
mod tests;
