//! Filters as conditions on the stored form of a context, independent of the engine.
//!
//! [`Filter::matches`] defines the meaning of a filter. Here each test becomes a condition on the payload, in which times are
//! whole milliseconds.

use std::borrow::Cow;

use context_manager_core::context::{ContentKey, Level};
use context_manager_core::filter::{Field, Test};
use context_manager_core::{Filter, TenantId};
use uuid::Uuid;

use crate::payload::key::Place;
use crate::payload::{PointIds, fact, key};

/// Condition on a point. A point must meet every condition of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// The key holds this word.
    Is(&'static str, String),
    /// The key holds one of these words; never empty.
    AnyOf(&'static str, Vec<String>),
    /// The key holds none of these words; never empty.
    NoneOf(&'static str, Vec<String>),
    /// The key holds one of these numbers; never empty.
    OneOf(&'static str, Vec<i64>),
    /// The key holds a number within these bounds.
    Within(&'static str, Bounds),
    /// The key is absent.
    Missing(&'static str),
    /// The point has one of these ids; never empty.
    Points(Vec<Uuid>),
}

/// Bounds of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bounds {
    /// Inclusive lower bound.
    pub(crate) at_least: Option<f64>,
    /// Exclusive upper bound.
    pub(crate) below: Option<f64>,
}

/// Returns the conditions on everything of a tenant that `filter` matches; `None` when it can match nothing.
pub(crate) fn matching(tenant: &TenantId, filter: &Filter) -> Option<Vec<Condition>> {
    let mut all = of_tenant(tenant);
    for condition in filter.conditions() {
        all.push(stored(Some(tenant), condition.test)?);
    }
    Some(all)
}

/// Returns the conditions on everything of all tenants that `filter` matches; `None` when it can match nothing. Filters by
/// id match nothing, as ids are a tenant's own.
pub(crate) fn of_any_tenant(filter: &Filter) -> Option<Vec<Condition>> {
    filter
        .conditions()
        .into_iter()
        .map(|condition| stored(None, condition.test))
        .collect()
}

/// Returns a test of a context as a condition on its payload; `None` when nothing can pass it.
fn stored(tenant: Option<&TenantId>, test: Test<'_>) -> Option<Condition> {
    match test {
        Test::AnyOf(field, words) => any_of(Place::of(field).key(), stored_words(field, words)),
        Test::NoneOf(field, words) => Some(Condition::NoneOf(Place::of(field).key(), stored_words(field, words))),
        Test::AtLeast(field, number) => Some(at_least(Place::of(field).key(), number.as_f64())),
        Test::Below(field, number) => Some(below(Place::of(field).key(), number.as_f64())),
        Test::NoSession => Some(Condition::Missing(key::SESSION)),
        Test::Ids(ids) => {
            let points = PointIds::of(tenant?);
            let ids: Vec<Uuid> = ids.iter().map(|id| points.point(*id)).collect();
            (!ids.is_empty()).then_some(Condition::Points(ids))
        }
    }
}

/// Returns the words of a field as they are stored.
fn stored_words(field: Field, words: Vec<Cow<'_, str>>) -> Vec<String> {
    let stored = words.into_iter().map(|word| match Place::of(field) {
        Place::Fact(letter) => fact::new(letter, &word),
        Place::Key(..) => word.into_owned(),
    });
    stored.collect()
}

/// Returns the conditions on everything of a tenant.
pub(crate) fn of_tenant(tenant: &TenantId) -> Vec<Condition> {
    vec![Condition::Is(key::TENANT, tenant.as_str().to_owned())]
}

/// Returns the conditions on everything of a tenant with one of these content keys; `None` when there are none.
pub(crate) fn of_content(tenant: &TenantId, keys: &[ContentKey]) -> Option<Vec<Condition>> {
    let mut all = of_tenant(tenant);
    all.push(any_of(key::FACTS, keys.iter().map(fact::content).collect())?);
    Some(all)
}

/// Returns the conditions on everything of a tenant at these session offsets; `None` when there are none.
pub(crate) fn at_offsets(tenant: &TenantId, slots: &[i64]) -> Option<Vec<Condition>> {
    let mut all = of_tenant(tenant);
    all.push((!slots.is_empty()).then(|| Condition::OneOf(key::SLOT, slots.to_vec()))?);
    Some(all)
}

/// Returns the condition on one session.
pub(crate) fn of_session(session: &str) -> Condition {
    Condition::Is(key::SESSION, session.to_owned())
}

/// Returns the condition on one level.
pub(crate) fn at_level(level: Level) -> Condition {
    Condition::Is(key::LEVEL, level.as_str().to_owned())
}

/// Returns the condition on sequence numbers before `sequence`.
pub(crate) fn before(sequence: u64) -> Condition {
    below(key::SEQUENCE, sequence_number(sequence))
}

/// Returns the condition on sequence numbers after `sequence`.
pub(crate) fn after(sequence: u64) -> Condition {
    at_least(key::SEQUENCE, sequence_number(sequence + 1))
}

/// Returns the condition on the sequence number `sequence`.
pub(crate) fn at(sequence: u64) -> Condition {
    let bounds = Bounds {
        at_least: Some(sequence_number(sequence)),
        below: Some(sequence_number(sequence + 1)),
    };
    Condition::Within(key::SEQUENCE, bounds)
}

/// Returns the condition that a key holds one of `words`; `None` when there are none.
fn any_of(key: &'static str, mut words: Vec<String>) -> Option<Condition> {
    match words.len() {
        0 => None,
        1 => words.pop().map(|word| Condition::Is(key, word)),
        _ => Some(Condition::AnyOf(key, words)),
    }
}

pub(crate) fn at_least(key: &'static str, number: f64) -> Condition {
    let bounds = Bounds {
        at_least: Some(number),
        below: None,
    };
    Condition::Within(key, bounds)
}

pub(crate) fn below(key: &'static str, number: f64) -> Condition {
    let bounds = Bounds {
        at_least: None,
        below: Some(number),
    };
    Condition::Within(key, bounds)
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
    fn filters_that_match_nothing_have_no_conditions() {
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
        assert_eq!(at_offsets(&tenant, &[]), None);
        assert_eq!(of_any_tenant(&Filter::by_ids(vec![ContextId::generate()])), None);
    }
}
