//! Filters in the engine's terms.
//!
//! [`Filter::matches`] defines what a filter means. The engine is asked the same about the stored form of a context: times
//! are whole milliseconds there, so that bounds between two milliseconds move to the next one.

use context_manager_core::context::{ContentKey, Level};
use context_manager_core::{Filter, TenantId, Visibility};
use jiff::Timestamp;
use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    AnyVariants, Condition, FieldCondition, Filter as EngineFilter, HasIdCondition, HasVectorCondition, Match, PointId,
    Range,
};

use super::schema::path;
use crate::payload::{PointIds, fact, key};

/// Everything of a tenant that `filter` matches; `None` when that is nothing whatever is stored.
pub(super) fn translate(tenant: &TenantId, filter: &Filter) -> Option<EngineFilter> {
    let mut must = vec![owned_by(tenant)];
    if let Some(ids) = &filter.ids {
        let points = PointIds::of(tenant);
        let ids = ids.iter().map(|id| PointId::Uuid(points.point(*id)));
        must.push(Condition::HasId(unless_empty(ids)?.collect::<HasIdCondition>()));
    }
    must.extend(conditions(filter)?);
    Some(all(must))
}

/// Everything of anybody that `filter` matches; `None` when that is nothing whatever is stored.
pub(super) fn of_any_tenant(filter: &Filter) -> Option<EngineFilter> {
    // Ids are a tenant's own.
    let must = conditions(filter).filter(|_| filter.ids.is_none())?;
    Some(all(must))
}

/// What a filter asks for, but for the tenant and the ids.
fn conditions(filter: &Filter) -> Option<Vec<Condition>> {
    let mut must = Vec::new();
    if !filter.levels.is_empty() {
        let levels: Vec<String> = filter.levels.iter().map(|level| level.as_str().to_owned()).collect();
        must.push(Condition::Field(FieldCondition::new_match(
            path(key::LEVEL),
            Match::from(levels),
        )));
    }
    must.extend(filter.user_id.as_deref().map(|user| is(fact::user(user))));
    must.extend(filter.agent_id.as_deref().map(|agent| is(fact::agent(agent))));
    must.extend(filter.session_id.as_deref().map(|id| keyword(key::SESSION, id)));
    if !filter.tags_any.is_empty() {
        must.push(any_fact(filter.tags_any.iter().map(|tag| fact::tag(tag)))?);
    }
    must.extend(filter.tags_all.iter().map(|tag| is(fact::tag(tag))));
    let after = filter.occurred_after.map(millis_up);
    must.extend(after.map(|after| range(key::OCCURRED, at_least(number(after)))));
    let before = filter.occurred_before.map(millis_up);
    must.extend(before.map(|before| range(key::OCCURRED, below(number(before)))));
    let least = filter.min_importance.map(|least| OrderedFloat(f64::from(least)));
    must.extend(least.map(|least| range(key::IMPORTANCE, at_least(least))));
    for (name, values) in &filter.metadata {
        // Nothing is stated about values that are no scalars, so that they match nothing.
        must.push(any_fact(values.iter().filter_map(|value| fact::metadata(name, value)))?);
    }
    must.extend(filter.embedded.map(|embedded| is(fact::embedded(embedded))));
    match filter.visibility {
        Visibility::All => {}
        Visibility::Current(now) => must.push(range(key::VISIBLE, above(number(millis_down(now))))),
        Visibility::Live(now) => must.push(range(key::EXPIRES, above(number(millis_down(now))))),
    }
    Some(must)
}

/// Everything of a tenant.
pub(super) fn tenant(tenant: &TenantId) -> EngineFilter {
    all(vec![owned_by(tenant)])
}

/// Everything of a tenant with one of these content keys; `None` when there are none.
pub(super) fn content(tenant: &TenantId, keys: &[ContentKey]) -> Option<EngineFilter> {
    Some(all(vec![owned_by(tenant), any_fact(keys.iter().map(fact::content))?]))
}

/// Everything of a tenant at these places in sessions; `None` when there are none.
pub(super) fn slots(tenant: &TenantId, slots: &[i64]) -> Option<EngineFilter> {
    let slots = AnyVariants::Integers(unless_empty(slots.iter().copied())?.collect());
    let at_one = FieldCondition::new_match(path(key::SLOT), Match::from(slots));
    Some(all(vec![owned_by(tenant), Condition::Field(at_one)]))
}

/// Everything of a tenant's session, at one level or all.
pub(super) fn session(tenant: &TenantId, session: &str, level: Option<Level>) -> EngineFilter {
    let mut must = vec![owned_by(tenant), keyword(key::SESSION, session)];
    must.extend(level.map(|level| keyword(key::LEVEL, level.as_str())));
    all(must)
}

/// `filter`, but only what was stored before `sequence`.
pub(super) fn before(filter: EngineFilter, sequence: u64) -> EngineFilter {
    and(filter, range(key::SEQUENCE, below(sequence_number(sequence))))
}

/// `filter`, but only what was stored after `sequence`.
pub(super) fn after(filter: EngineFilter, sequence: u64) -> EngineFilter {
    and(filter, range(key::SEQUENCE, above(sequence_number(sequence))))
}

/// Everything of a tenant that has no vector of this name.
pub(super) fn without_vector(tenant: &TenantId, name: &str) -> EngineFilter {
    let has = Condition::HasVector(HasVectorCondition::from(name.to_owned()));
    EngineFilter {
        must_not: Some(vec![has]),
        ..all(vec![owned_by(tenant)])
    }
}

/// `filter`, but only what was stored at `sequence`.
pub(super) fn at(filter: EngineFilter, sequence: u64) -> EngineFilter {
    let sequence = sequence_number(sequence);
    let only = Range {
        lte: Some(sequence),
        ..at_least(sequence)
    };
    and(filter, range(key::SEQUENCE, only))
}

fn owned_by(tenant: &TenantId) -> Condition {
    keyword(key::TENANT, tenant.as_str())
}

fn all(must: Vec<Condition>) -> EngineFilter {
    EngineFilter {
        must: Some(must),
        should: None,
        must_not: None,
        min_should: None,
    }
}

fn and(mut filter: EngineFilter, condition: Condition) -> EngineFilter {
    filter.must.get_or_insert_default().push(condition);
    filter
}

fn keyword(key: &str, value: &str) -> Condition {
    Condition::Field(FieldCondition::new_match(path(key), Match::from(value.to_owned())))
}

fn is(fact: String) -> Condition {
    Condition::Field(FieldCondition::new_match(path(key::FACTS), Match::from(fact)))
}

/// `None` when there are none, so that none can be met.
fn any_fact(facts: impl Iterator<Item = String>) -> Option<Condition> {
    let facts: Vec<String> = unless_empty(facts)?.collect();
    Some(Condition::Field(FieldCondition::new_match(
        path(key::FACTS),
        Match::from(facts),
    )))
}

fn unless_empty<T>(items: impl Iterator<Item = T>) -> Option<impl Iterator<Item = T>> {
    let mut items = items.peekable();
    items.peek().is_some().then_some(items)
}

type Number = OrderedFloat<f64>;

const ANY: Range<Number> = Range {
    lt: None,
    gt: None,
    gte: None,
    lte: None,
};

fn at_least(number: Number) -> Range<Number> {
    Range {
        gte: Some(number),
        ..ANY
    }
}

fn above(number: Number) -> Range<Number> {
    Range {
        gt: Some(number),
        ..ANY
    }
}

fn below(number: Number) -> Range<Number> {
    Range {
        lt: Some(number),
        ..ANY
    }
}

fn range(key: &str, range: Range<Number>) -> Condition {
    Condition::Field(FieldCondition::new_range(path(key), range))
}

#[expect(clippy::cast_precision_loss, reason = "timestamps in milliseconds are below 2^53")]
fn number(millis: i64) -> Number {
    OrderedFloat(millis as f64)
}

#[expect(clippy::cast_precision_loss, reason = "sequence numbers are below 2^53")]
fn sequence_number(sequence: u64) -> Number {
    OrderedFloat(sequence as f64)
}

/// The whole milliseconds up to `time`.
fn millis_down(time: Timestamp) -> i64 {
    whole_millis(time.as_nanosecond().div_euclid(NANOS_PER_MILLI))
}

/// The first whole millisecond at `time` or later.
fn millis_up(time: Timestamp) -> i64 {
    whole_millis(-(-time.as_nanosecond()).div_euclid(NANOS_PER_MILLI))
}

const NANOS_PER_MILLI: i128 = 1_000_000;

fn whole_millis(millis: i128) -> i64 {
    i64::try_from(millis).expect("a timestamp has some 48 bits of milliseconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_between_two_milliseconds_move_to_the_next_that_can_match() {
        let time = |nanos| Timestamp::from_nanosecond(nanos).unwrap();
        for (nanos, down, up) in [(5_000_000, 5, 5), (5_000_001, 5, 6), (-1, -1, 0), (-5_000_000, -5, -5)] {
            assert_eq!(
                (millis_down(time(nanos)), millis_up(time(nanos))),
                (down, up),
                "{nanos}"
            );
        }
    }

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
            assert_eq!(translate(&tenant, &filter), None);
        }
        assert!(translate(&tenant, &Filter::default()).is_some());
    }
}
