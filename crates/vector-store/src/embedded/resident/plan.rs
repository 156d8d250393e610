//! A filter as tests of the columns and facts of contexts in memory.

use context_manager_core::context::{Context, Level, Origin};
use context_manager_core::filter::{Field, Number, Test};
use context_manager_core::{Filter, Moment, TenantId, Visibility};
use jiff::Timestamp;
use uuid::Uuid;

use super::change::{Columns, fact_hash, hash, scope_fact};
use crate::payload::key::Place;
use crate::payload::{PointIds, fact};

/// Numbers of contexts of each level, and of each origin.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) levels: [usize; Level::ALL.len()],
    pub(super) origins: [usize; Origin::ALL.len()],
}

/// Tests that a context passes or not.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    filter: &'a Filter,
    levels: [bool; Level::ALL.len()],
    origins: [bool; Origin::ALL.len()],
    /// Contexts that expire later, in milliseconds since the epoch.
    expires_after: Option<i64>,
    expired_at: Option<i64>,
    is_current: bool,
    session: Option<u64>,
    agent: Option<u64>,
    occurred: (Option<Moment>, Option<Moment>),
    /// Hashes of facts, of each list one.
    facts: Vec<Vec<u32>>,
    points: Option<Vec<Uuid>>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(tenant: &TenantId, filter: &'a Filter) -> Self {
        let after = |time: Timestamp| Some(time.as_millisecond());
        let (expires_after, expired_at) = match filter.visibility {
            Visibility::Current(now) | Visibility::Live(now) => (after(now), None),
            Visibility::Expired(now) => (None, after(now)),
            Visibility::All => (None, None),
        };
        let given = |id: &Option<String>| id.as_ref().map(|id| hash(Some(id)));
        let conditions = filter.conditions();
        // Users, agents and origins are facts, too, but are told apart before these are read.
        let others = conditions
            .iter()
            .filter(|condition| !["user_id", "agent_id", "origin"].contains(&condition.name));
        let facts = others.filter_map(|condition| match &condition.test {
            Test::AnyOf(field, words) => {
                let fact = |word: &str| match Place::of(*field) {
                    Place::Fact(letter) => Some(fact::new(letter, word)),
                    Place::Key(..) => (*field == Field::Scope).then(|| scope_fact(word)),
                };
                let facts = words.iter().map(|word| fact(word).map(|fact| fact_hash(&fact)));
                facts.collect::<Option<Vec<u32>>>()
            }
            Test::NoneOf(..) | Test::AtLeast(..) | Test::Below(..) | Test::NoSession | Test::Ids(_) => None,
        });
        let points = PointIds::of(tenant);
        Self {
            levels: Level::ALL.map(|level| filter.levels.is_empty() || filter.levels.contains(&level)),
            expires_after,
            expired_at,
            origins: Origin::ALL.map(|origin| filter.origins.is_empty() || filter.origins.contains(&origin)),
            is_current: matches!(filter.visibility, Visibility::Current(_)),
            session: given(&filter.session_id),
            agent: given(&filter.agent_id),
            occurred: (filter.occurred_after, filter.occurred_before),
            facts: facts.collect(),
            points: filter
                .ids
                .as_ref()
                .map(|ids| ids.iter().map(|id| points.point(*id)).collect()),
            filter,
        }
    }

    /// Returns the user whose contexts it matches alone.
    pub(super) fn user(&self) -> Option<&str> {
        self.filter.user_id.as_deref()
    }

    /// Returns `true` if all contexts of these levels and origins match that are not superseded and expire at this time or later.
    pub(super) fn matches_all(&self, counts: &Counts, earliest: i64) -> bool {
        let levels = counts.levels.iter().zip(&self.levels);
        let origins = counts.origins.iter().zip(&self.origins);
        let (after, before) = self.occurred;
        levels.chain(origins).all(|(count, wanted)| *wanted || *count == 0)
            && self.expires_after.is_none_or(|time| earliest > time)
            && self.expired_at.is_none()
            && self.session.is_none()
            && self.agent.is_none()
            && after.is_none()
            && before.is_none()
            && !self.filter.sessionless
            && self.filter.min_importance.is_none()
            && self.facts.is_empty()
            && self.points.is_none()
    }

    /// Returns `false` if the context cannot match.
    pub(super) fn may_match(&self, point: Uuid, columns: &Columns, facts: &[u8]) -> bool {
        self.levels[columns.level.index()]
            && self.origins[columns.origin.index()]
            && self.expires_after.is_none_or(|time| columns.expires > time)
            && self.expired_at.is_none_or(|time| columns.expires <= time)
            && !(self.is_current && columns.is_superseded)
            && self.session.is_none_or(|session| session == columns.session)
            && !(self.filter.sessionless && columns.session != 0)
            && self.agent.is_none_or(|agent| agent == columns.agent)
            && self.occurred.0.is_none_or(|time| columns.occurred >= time)
            && self.occurred.1.is_none_or(|time| columns.occurred < time)
            && self
                .filter
                .min_importance
                .is_none_or(|least| Number::Float(columns.importance) >= Number::Float(least))
            && self.points.as_ref().is_none_or(|points| points.contains(&point))
            && self.facts.iter().all(|wanted| has_one(facts, wanted))
    }

    /// Returns `true` if the context matches, beyond hashes.
    pub(super) fn matches(&self, context: &Context) -> bool {
        self.facts.is_empty() || self.filter.matches(context)
    }
}

fn has_one(facts: &[u8], wanted: &[u32]) -> bool {
    let (facts, _) = facts.as_chunks();
    facts.iter().any(|fact| wanted.contains(&u32::from_le_bytes(*fact)))
}
