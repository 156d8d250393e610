//! [Conditions](crate::conditions) as filters of the engine.

use context_manager_core::context::ContentKey;
use context_manager_core::{Filter, TenantId};
use qdrant_edge::external::ordered_float::OrderedFloat;
use qdrant_edge::{
    AnyVariants, Condition as EngineCondition, FieldCondition, Filter as EngineFilter, HasVectorCondition,
    IsEmptyCondition, Match, PointId, Range,
};

use super::schema::path;
use crate::conditions::{self, Bounds, Condition};

/// Matches what `filter` matches of a tenant; `None` when that can be nothing.
pub(super) fn translate(tenant: &TenantId, filter: &Filter) -> Option<EngineFilter> {
    conditions::matching(tenant, filter).map(all)
}

/// Matches what `filter` matches of any tenant; `None` when that can be nothing.
pub(super) fn of_any_tenant(filter: &Filter) -> Option<EngineFilter> {
    conditions::of_any_tenant(filter).map(all)
}

/// Returns the ids that a filter of a tenant names, if it has no other condition.
pub(super) fn named(filter: &EngineFilter) -> Option<Vec<PointId>> {
    match filter.must.as_deref() {
        Some([_tenant, EngineCondition::HasId(condition)]) => Some(condition.has_id.iter().copied().collect()),
        Some(_) | None => None,
    }
}

/// Matches everything of a tenant with one of these content keys; `None` when there are none.
pub(super) fn content(tenant: &TenantId, keys: &[ContentKey]) -> Option<EngineFilter> {
    conditions::of_content(tenant, keys).map(all)
}

/// Matches everything of a tenant at these session offsets; `None` when there are none.
pub(super) fn offsets(tenant: &TenantId, offsets: &[i64]) -> Option<EngineFilter> {
    conditions::at_offsets(tenant, offsets).map(all)
}

/// Matches what `filter` matches of a session; `None` when that can be nothing.
pub(super) fn session(tenant: &TenantId, session: &str, filter: &Filter) -> Option<EngineFilter> {
    Some(and(translate(tenant, filter)?, conditions::of_session(session)))
}

/// Restricts `filter` to what was stored before `sequence`.
pub(super) fn before(filter: EngineFilter, sequence: u64) -> EngineFilter {
    and(filter, conditions::before(sequence))
}

/// Restricts `filter` to what was stored after `sequence`.
pub(super) fn after(filter: EngineFilter, sequence: u64) -> EngineFilter {
    and(filter, conditions::after(sequence))
}

/// Restricts `filter` to what was stored at `sequence`.
pub(super) fn at(filter: EngineFilter, sequence: u64) -> EngineFilter {
    and(filter, conditions::at(sequence))
}

/// Matches everything of a tenant, or of all of them, that has no vector of this name.
pub(super) fn without_vector(tenant: Option<&TenantId>, name: &str) -> EngineFilter {
    let has = EngineCondition::HasVector(HasVectorCondition::from(name.to_owned()));
    EngineFilter {
        must_not: Some(vec![has]),
        ..all(tenant.map(conditions::of_tenant).unwrap_or_default())
    }
}

/// Matches what meets all of these conditions.
pub(super) fn all(conditions: Vec<Condition>) -> EngineFilter {
    EngineFilter {
        must: Some(conditions.into_iter().map(engine).collect()),
        should: None,
        must_not: None,
        min_should: None,
    }
}

fn and(mut filter: EngineFilter, condition: Condition) -> EngineFilter {
    filter.must.get_or_insert_default().push(engine(condition));
    filter
}

fn engine(condition: Condition) -> EngineCondition {
    let field = match condition {
        Condition::NoneOf(key, keywords) => {
            let any = EngineCondition::Field(FieldCondition::new_match(path(key), Match::from(keywords)));
            return EngineCondition::Filter(EngineFilter {
                must_not: Some(vec![any]),
                must: None,
                should: None,
                min_should: None,
            });
        }
        Condition::Is(key, keyword) => FieldCondition::new_match(path(key), Match::from(keyword)),
        Condition::AnyOf(key, keywords) => FieldCondition::new_match(path(key), Match::from(keywords)),
        Condition::OneOf(key, numbers) => {
            let numbers = AnyVariants::Integers(numbers.into_iter().collect());
            FieldCondition::new_match(path(key), Match::from(numbers))
        }
        Condition::Within(key, bounds) => FieldCondition::new_range(path(key), range(bounds)),
        Condition::Missing(key) => return EngineCondition::IsEmpty(IsEmptyCondition::from(path(key))),
        Condition::Points(ids) => return EngineCondition::HasId(ids.into_iter().map(PointId::Uuid).collect()),
    };
    EngineCondition::Field(field)
}

fn range(bounds: Bounds) -> Range<OrderedFloat<f64>> {
    Range {
        gte: bounds.at_least.map(OrderedFloat),
        lt: bounds.below.map(OrderedFloat),
        gt: None,
        lte: None,
    }
}
