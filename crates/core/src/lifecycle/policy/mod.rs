//! Who goes by policies: idle, seldom served, unimportant, over a quota, or beyond the newest of a session.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::Policy;
use crate::context::{Context, ContextId};
use crate::rank;

/// What policies need to know of a context: some hundred bytes, so that those of a whole tenant can be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Which context.
    pub id: ContextId,
    /// When it last changed, to tell later whether it did.
    pub updated_at: Timestamp,
    /// How often it was served.
    pub accesses: u64,
    /// Its importance.
    pub importance: f32,
    /// Whether it is pinned.
    pub pinned: bool,
    /// When it was last stored, changed or served.
    pub last_used: Timestamp,
    /// What it is worth, 0 to 1: the lowest go first.
    pub value: f32,
    /// Bytes of its text.
    pub bytes: u64,
    /// Its place in the order of creation.
    pub sequence: u64,
    user: Option<u32>,
    session: Option<u32>,
    /// A bit for each policy that is about it.
    policies: u64,
}

/// Numbers for names, so that each is in memory once.
#[derive(Debug, Default)]
pub struct Interner(HashMap<String, u32>);

impl Interner {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.insert(name.to_owned(), number);
        number
    }
}

impl Standing {
    /// What `policies` need to know of `context` at `now`; `None` when none is about it.
    ///
    /// Its value is the mean of importance, frequency and how lately it was used, which halves every `half_life_secs`. What
    /// was replaced is worth nothing.
    pub fn of(
        context: &Context,
        policies: &[Policy],
        now: Timestamp,
        half_life_secs: u64,
        [users, sessions]: [&mut Interner; 2],
    ) -> Option<Self> {
        let concerns = |policy: &Policy| {
            policy.levels().contains(&context.level)
                && (policy.tags_any.is_empty() || policy.tags_any.iter().any(|tag| context.tags.contains(tag)))
        };
        let concerned = policies.iter().enumerate().filter(|(_, policy)| concerns(policy));
        let bits = concerned.fold(0, |bits, (at, _)| bits | 1 << at);
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

    /// Whether `context` is still what this was made from, as far as policies care.
    pub fn is_of(&self, context: &Context) -> bool {
        self.id == context.id
            && self.updated_at == context.updated_at
            && self.accesses == context.access_count
            && !context.pinned
    }
}

/// Who goes at `now`, each with the position of the first policy that says so: positions in `standings`, the lowest value
/// first.
pub fn judge(policies: &[Policy], standings: &[Standing], now: Timestamp) -> Vec<(usize, usize)> {
    let mut by_value: Vec<usize> = (0..standings.len()).collect();
    by_value.sort_unstable_by(|a, b| {
        let (a, b) = (&standings[*a], &standings[*b]);
        let value = a.value.total_cmp(&b.value);
        value.then(a.sequence.cmp(&b.sequence)).then(a.id.cmp(&b.id))
    });
    let mut verdicts: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, policy) in policies.iter().enumerate() {
        let mut about: Vec<usize> = by_value.clone();
        about.retain(|at| standings[*at].policies & (1 << number) != 0);
        for at in convicted(policy, standings, &about, now) {
            verdicts.entry(at).or_insert(number);
        }
    }
    by_value.retain(|at| verdicts.contains_key(at));
    by_value.into_iter().map(|at| (at, verdicts[&at])).collect()
}

/// Those of `about`, which stand in the order of their value, that meet every condition of a policy.
fn convicted(policy: &Policy, standings: &[Standing], about: &[usize], now: Timestamp) -> Vec<usize> {
    let everybody = |_: &Standing| Some(0);
    let by_user = |standing: &Standing| standing.user;
    let contexts = |_: &Standing| 1;
    let bytes = |standing: &Standing| standing.bytes;
    let mut left: Vec<usize> = about.to_vec();
    let mut only = |those: Option<Vec<bool>>| {
        if let Some(those) = those {
            left.retain(|at| those[*at]);
        }
    };
    let over = |quota: Option<u64>, owner: &dyn Fn(&Standing) -> Option<u32>, size: &dyn Fn(&Standing) -> u64| {
        quota.map(|most| over_quota(standings, about, most, owner, size))
    };
    only(over(policy.tenant_max_contexts, &everybody, &contexts));
    only(over(policy.tenant_max_bytes, &everybody, &bytes));
    only(over(policy.user_max_contexts, &by_user, &contexts));
    only(over(policy.user_max_bytes, &by_user, &bytes));
    only(
        policy
            .keep_newest_per_session
            .map(|newest| beyond_newest(standings, about, newest)),
    );
    let idle = |standing: &Standing| {
        policy.idle_secs.is_none_or(|secs| {
            let unused_millis = now.as_millisecond().saturating_sub(standing.last_used.as_millisecond());
            u64::try_from(unused_millis).unwrap_or(0) >= secs.saturating_mul(1000)
        })
    };
    left.retain(|at| {
        let standing = &standings[*at];
        !standing.pinned
            && idle(standing)
            && policy.max_accesses.is_none_or(|most| standing.accesses <= most)
            && policy.below_importance.is_none_or(|least| standing.importance < least)
    });
    left
}

/// Who has to go for each owner to have at most `most`: the lowest value first, pinned ones never, though they count.
fn over_quota(
    standings: &[Standing],
    by_value: &[usize],
    most: u64,
    owner: &dyn Fn(&Standing) -> Option<u32>,
    size: &dyn Fn(&Standing) -> u64,
) -> Vec<bool> {
    let mut totals: HashMap<u32, u64> = HashMap::new();
    for standing in by_value.iter().map(|at| &standings[*at]) {
        if let Some(owner) = owner(standing) {
            *totals.entry(owner).or_default() += size(standing);
        }
    }
    let mut goes = vec![false; standings.len()];
    for at in by_value {
        let standing = &standings[*at];
        let total = owner(standing).and_then(|owner| totals.get_mut(&owner));
        if let Some(total) = total.filter(|total| **total > most && !standing.pinned) {
            *total -= size(standing);
            goes[*at] = true;
        }
    }
    goes
}

/// Who stands in a session behind the newest `newest` of it.
fn beyond_newest(standings: &[Standing], about: &[usize], newest: u64) -> Vec<bool> {
    let mut sessions: HashMap<u32, Vec<usize>> = HashMap::new();
    for at in about {
        if let Some(session) = standings[*at].session {
            sessions.entry(session).or_default().push(*at);
        }
    }
    let mut goes = vec![false; standings.len()];
    for mut session in sessions.into_values() {
        session.sort_unstable_by_key(|at| std::cmp::Reverse((standings[*at].sequence, standings[*at].id)));
        for at in session.into_iter().skip(usize::try_from(newest).unwrap_or(usize::MAX)) {
            goes[at] = true;
        }
    }
    goes
}

#[cfg(test)]
mod tests;
