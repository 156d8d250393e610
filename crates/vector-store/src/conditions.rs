//! Filters as conditions on the stored form of a context, in no engine's terms.
//!
//! [`Filter::matches`] defines what a filter means. A store asks its engine the same about the payload: times are whole
//! milliseconds there, and so are the bounds.

use context_manager_core::context::{ContentKey, Level};
use context_manager_core::{Filter, Moment, TenantId, Visibility};
use jiff::Timestamp;
use uuid::Uuid;

use crate::payload::{PointIds, fact, key};

/// Something a point must meet. Of a list of conditions, all must be met.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// This key holds this word.
    Is(&'static str, String),
    /// This key holds one of these words, of which there is at least one.
    AnyOf(&'static str, Vec<String>),
    /// This key holds one of these numbers, of which there is at least one.
    OneOf(&'static str, Vec<i64>),
    /// This key holds a number within these bounds.
    Within(&'static str, Bounds),
    /// This key holds nothing.
    Missing(&'static str),
    /// The point is one of these, of which there is at least one.
    Points(Vec<Uuid>),
}

/// Bounds of a number, each of which may be missing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bounds {
    /// It must be larger.
    pub(crate) above: Option<f64>,
    /// It must be as large, or larger.
    pub(crate) at_least: Option<f64>,
    /// It must be smaller.
    pub(crate) below: Option<f64>,
}

/// Everything of a tenant that `filter` matches; `None` when that is nothing whatever is stored.
pub(crate) fn matching(tenant: &TenantId, filter: &Filter) -> Option<Vec<Condition>> {
    let mut all = of_tenant(tenant);
    if let Some(ids) = &filter.ids {
        let points = PointIds::of(tenant);
        let ids: Vec<Uuid> = ids.iter().map(|id| points.point(*id)).collect();
        all.push((!ids.is_empty()).then_some(Condition::Points(ids))?);
    }
    all.extend(of_anybody(filter)?);
    Some(all)
}

/// Everything of anybody that `filter` matches; `None` when that is nothing whatever is stored.
pub(crate) fn of_any_tenant(filter: &Filter) -> Option<Vec<Condition>> {
    // Ids are a tenant's own.
    of_anybody(filter).filter(|_| filter.ids.is_none())
}

/// What a filter asks for, but for the tenant and the ids.
fn of_anybody(filter: &Filter) -> Option<Vec<Condition>> {
    let mut all = Vec::new();
    if !filter.levels.is_empty() {
        let levels = filter.levels.iter().map(|level| level.as_str().to_owned());
        all.push(Condition::AnyOf(key::LEVEL, levels.collect()));
    }
    all.extend(filter.user_id.as_deref().map(|user| is(fact::user(user))));
    all.extend(filter.agent_id.as_deref().map(|agent| is(fact::agent(agent))));
    all.extend(filter.session_id.as_deref().map(of_session));
    all.extend(filter.sessionless.then_some(Condition::Missing(key::SESSION)));
    if !filter.tags_any.is_empty() {
        all.push(any_fact(filter.tags_any.iter().map(|tag| fact::tag(tag)))?);
    }
    all.extend(filter.tags_all.iter().map(|tag| is(fact::tag(tag))));
    if !filter.derived_from.is_empty() {
        all.push(any_fact(filter.derived_from.iter().map(|id| fact::derived(*id)))?);
    }
    let after = filter.occurred_after.map(Moment::as_millisecond);
    all.extend(after.map(|after| at_least(key::OCCURRED, number(after))));
    let before = filter.occurred_before.map(Moment::as_millisecond);
    all.extend(before.map(|before| below(key::OCCURRED, number(before))));
    let least = filter.min_importance.map(f64::from);
    all.extend(least.map(|least| at_least(key::IMPORTANCE, least)));
    for (name, values) in &filter.metadata {
        // Nothing is stated about values that are no scalars, so that they match nothing.
        all.push(any_fact(values.iter().filter_map(|value| fact::metadata(name, value)))?);
    }
    all.extend(filter.embedded.map(|embedded| is(fact::embedded(embedded))));
    all.extend(filter.pinned.then(|| is(fact::pinned())));
    all.extend(seen(filter.visibility));
    Some(all)
}

/// Everything of a tenant that is visible.
pub(crate) fn visible(tenant: &TenantId, visibility: Visibility) -> Vec<Condition> {
    of_tenant(tenant).into_iter().chain(seen(visibility)).collect()
}

fn seen(visibility: Visibility) -> Option<Condition> {
    match visibility {
        Visibility::All => None,
        Visibility::Current(now) => Some(above(key::VISIBLE, number(millis(now)))),
        Visibility::Live(now) => Some(above(key::EXPIRES, number(millis(now)))),
        Visibility::Expired(now) => Some(below(key::EXPIRES, number(millis(now) + 1))),
    }
}

/// Everything of a tenant.
pub(crate) fn of_tenant(tenant: &TenantId) -> Vec<Condition> {
    vec![Condition::Is(key::TENANT, tenant.as_str().to_owned())]
}

/// Everything of a tenant with one of these content keys; `None` when there are none.
pub(crate) fn of_content(tenant: &TenantId, keys: &[ContentKey]) -> Option<Vec<Condition>> {
    let mut all = of_tenant(tenant);
    all.push(any_fact(keys.iter().map(fact::content))?);
    Some(all)
}

/// Everything of a tenant at these places in sessions; `None` when there are none.
pub(crate) fn at_slots(tenant: &TenantId, slots: &[i64]) -> Option<Vec<Condition>> {
    let mut all = of_tenant(tenant);
    all.push((!slots.is_empty()).then(|| Condition::OneOf(key::SLOT, slots.to_vec()))?);
    Some(all)
}

/// Everything of a session.
pub(crate) fn of_session(session: &str) -> Condition {
    Condition::Is(key::SESSION, session.to_owned())
}

/// Everything at a level.
pub(crate) fn at_level(level: Level) -> Condition {
    Condition::Is(key::LEVEL, level.as_str().to_owned())
}

/// Only what was stored before `sequence`.
pub(crate) fn before(sequence: u64) -> Condition {
    below(key::SEQUENCE, sequence_number(sequence))
}

/// Only what was stored after `sequence`.
pub(crate) fn after(sequence: u64) -> Condition {
    above(key::SEQUENCE, sequence_number(sequence))
}

/// Only what was stored at `sequence`.
pub(crate) fn at(sequence: u64) -> Condition {
    let bounds = Bounds {
        at_least: Some(sequence_number(sequence)),
        below: Some(sequence_number(sequence + 1)),
        ..Bounds::default()
    };
    Condition::Within(key::SEQUENCE, bounds)
}

fn is(fact: String) -> Condition {
    Condition::Is(key::FACTS, fact)
}

/// `None` when there are none, so that none can be met.
fn any_fact(facts: impl Iterator<Item = String>) -> Option<Condition> {
    let facts: Vec<String> = facts.collect();
    (!facts.is_empty()).then_some(Condition::AnyOf(key::FACTS, facts))
}

fn above(key: &'static str, number: f64) -> Condition {
    let bounds = Bounds {
        above: Some(number),
        ..Bounds::default()
    };
    Condition::Within(key, bounds)
}

fn at_least(key: &'static str, number: f64) -> Condition {
    let bounds = Bounds {
        at_least: Some(number),
        ..Bounds::default()
    };
    Condition::Within(key, bounds)
}

fn below(key: &'static str, number: f64) -> Condition {
    let bounds = Bounds {
        below: Some(number),
        ..Bounds::default()
    };
    Condition::Within(key, bounds)
}

fn millis(time: Timestamp) -> i64 {
    Moment::from(time).as_millisecond()
}

#[expect(clippy::cast_precision_loss, reason = "timestamps in milliseconds are below 2^53")]
fn number(millis: i64) -> f64 {
    millis as f64
}

#[expect(clippy::cast_precision_loss, reason = "sequence numbers are below 2^53")]
fn sequence_number(sequence: u64) -> f64 {
    sequence as f64
}

#[cfg(test)]
mod tests {
    use context_manager_core::context::ContextId;

    use super::*;

    #[test]
    fn what_can_match_nothing_is_known_beforehand() {
        let tenant = TenantId::try_new("t").unwrap();
        let structured = [("k".to_owned(), vec![serde_json::json!({"a": 1})])].into();
        for filter in [
            Filter {
                ids: Some(Vec::new()),
                ..Filter::default()
            },
            Filter {
                metadata: structured,
                ..Filter::default()
            },
        ] {
            assert_eq!(matching(&tenant, &filter), None);
        }
        assert!(matching(&tenant, &Filter::default()).is_some());
        assert_eq!(at_slots(&tenant, &[]), None);
        assert_eq!(of_any_tenant(&Filter::by_ids(vec![ContextId::generate()])), None);
    }
}
