//! Filters: the contexts that a call is about.
//!
//! [`Filter::conditions`] is the table of all filter fields. Matching, the stores and the audit log read it, so that a new
//! field costs a row here, its field in the wire type, and its key in the stores' payload.

mod condition;
mod metadata;
mod outline;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::Moment;
use crate::context::{Context, ContextId, Level};

pub use condition::{Condition, Field, Number, Test, Values};
use condition::{Conditions, yes_or_no};
use metadata::metadata_fact;
pub(crate) use metadata::same_metadata;

/// Conditions that must all hold; an empty list or `None` is no condition.
///
/// [`Filter::matches`] defines the meaning of every condition for all stores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Has one of these levels.
    pub levels: Vec<Level>,
    /// Belongs to this user.
    pub user_id: Option<String>,
    /// Belongs to this agent.
    pub agent_id: Option<String>,
    /// Belongs to this session.
    pub session_id: Option<String>,
    /// Belongs to no session.
    pub sessionless: bool,
    /// Has at least one of these tags.
    pub tags_any: Vec<String>,
    /// Has every one of these tags.
    pub tags_all: Vec<String>,
    /// Happened at this time or later.
    pub occurred_after: Option<Moment>,
    /// Happened before this time.
    pub occurred_before: Option<Moment>,
    /// Has at least this importance.
    pub min_importance: Option<f32>,
    /// For every key, the metadata value (or one element of it, if it is a list) equals one of these scalars. A key
    /// with dots reaches into nested objects.
    pub metadata: BTreeMap<String, Vec<Value>>,
    /// Has one of these ids; `Some` of an empty list matches nothing.
    pub ids: Option<Vec<ContextId>>,
    /// Is a summary of at least one of these contexts.
    pub derived_from: Vec<ContextId>,
    /// Has its vector stored, or not yet.
    pub embedded: Option<bool>,
    /// Is pinned.
    pub pinned: bool,
    /// Is expired or superseded, or not.
    pub visibility: Visibility,
}

/// Treatment of expired and superseded contexts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everything that is stored, for deletion and maintenance.
    #[default]
    All,
    /// Neither expired nor superseded at this time, for search and lists.
    Current(Timestamp),
    /// Not expired at this time, superseded or not.
    Live(Timestamp),
    /// Expired at this time, for garbage collection.
    Expired(Timestamp),
}

const VISIBILITY: &str = "visibility";

impl Filter {
    /// Returns the filter that matches these ids alone.
    pub fn by_ids(ids: Vec<ContextId>) -> Self {
        Self {
            ids: Some(ids),
            ..Self::default()
        }
    }

    /// Returns `true` if no condition is set, apart from visibility.
    pub fn is_empty(&self) -> bool {
        self.conditions().iter().all(|condition| condition.name == VISIBILITY)
    }

    /// Returns `true` if `context` meets every condition.
    pub fn matches(&self, context: &Context) -> bool {
        self.conditions().iter().all(|condition| condition.test.passes(context))
    }

    /// Returns one line for the audit log, with tags and metadata only as numbers.
    pub fn outline(&self) -> String {
        outline::outline(&self.conditions())
    }

    /// Returns the conditions that are set.
    pub fn conditions(&self) -> Vec<Condition<'_>> {
        let time = |time: Moment| Number::Time(time);
        let mut rows = Conditions::default();
        rows.any_of("user_id", Field::User, &self.user_id);
        rows.any_of("agent_id", Field::Agent, &self.agent_id);
        rows.any_of("session_id", Field::Session, &self.session_id);
        rows.any_of("level", Field::Level, self.levels.iter().map(|level| level.as_str()));
        rows.any_of("tags_any", Field::Tags, &self.tags_any);
        for tag in &self.tags_all {
            rows.any_of("tags_all", Field::Tags, [tag]);
        }
        for (key, values) in &self.metadata {
            // No fact is stored of a value that is no scalar, so an empty list must match nothing.
            let facts = values
                .iter()
                .filter_map(|value| metadata_fact(key, value))
                .map(Into::into);
            rows.add("metadata", Test::AnyOf(Field::Metadata, facts.collect()));
        }
        rows.at_least("occurred_after", Field::OccurredAt, self.occurred_after.map(time));
        rows.below("occurred_before", Field::OccurredAt, self.occurred_before.map(time));
        rows.at_least(
            "min_importance",
            Field::Importance,
            self.min_importance.map(Number::Float),
        );
        self.ids.iter().for_each(|ids| rows.add("ids", Test::Ids(ids)));
        rows.any_of(
            "derived_from",
            Field::DerivedFrom,
            self.derived_from.iter().map(ContextId::to_string),
        );
        rows.any_of("embedded", Field::Embedded, self.embedded.map(yes_or_no));
        rows.any_of("pinned", Field::Pinned, self.pinned.then_some(yes_or_no(true)));
        if self.sessionless {
            rows.add("sessionless", Test::NoSession);
        }
        let after = |now| Number::Time(Moment::from_millisecond(Moment::from(now).as_millisecond() + 1));
        match self.visibility {
            Visibility::All => {}
            Visibility::Current(now) => rows.at_least(VISIBILITY, Field::VisibleUntil, Some(after(now))),
            Visibility::Live(now) => rows.at_least(VISIBILITY, Field::ExpiresAt, Some(after(now))),
            Visibility::Expired(now) => rows.below(VISIBILITY, Field::ExpiresAt, Some(after(now))),
        }
        rows.into_vec()
    }
}

#[cfg(test)]
mod tests;
