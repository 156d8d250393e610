//! Which contexts a call is about, and what a deletion answers.

use std::collections::BTreeMap;

use context_manager_core::context::{MAX_ID_BYTES, MAX_TAG_BYTES};
use context_manager_core::{ContextId, Error, Filter, Moment, Violations};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, Object, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, Schema};
use uuid::Uuid;

use super::metadata::Exact;
use super::{Time, WireLevel};
use crate::http::Problem;

/// The most ids, tags or metadata values that one filter may name.
const MAX_NAMED: usize = 1000;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Filter)]
pub(in crate::api) struct FilterBody {
    pub(super) user_id: Option<String>,
    pub(super) agent_id: Option<String>,
    session_id: Option<String>,
    /// At least one of these.
    #[schema(min_items = 1, max_items = 1000)]
    tags_any: Option<Vec<String>>,
    /// Every one of these.
    #[schema(min_items = 1, max_items = 1000)]
    tags_all: Option<Vec<String>>,
    /// At this time or later.
    #[schema(value_type = Option<Time>)]
    occurred_after: Option<Time<Moment>>,
    /// Before this time.
    #[schema(value_type = Option<Time>)]
    occurred_before: Option<Time<Moment>>,
    #[schema(minimum = 0, maximum = 1)]
    min_importance: Option<f32>,
    #[schema(schema_with = wanted_metadata)]
    metadata: Option<BTreeMap<String, Exact>>,
    #[schema(max_items = 1000)]
    ids: Option<Vec<Uuid>>,
}

impl FilterBody {
    /// The domain's filter; problems are added to `found` with pointers below `pointer`.
    pub(in crate::api) fn into_filter(self, pointer: &str, found: &mut Violations) -> Filter {
        for (name, id) in [
            ("user_id", &self.user_id),
            ("agent_id", &self.agent_id),
            ("session_id", &self.session_id),
        ] {
            if let Some(id) = id {
                found.word(format!("{pointer}/{name}"), id, MAX_ID_BYTES);
            }
        }
        for (name, tags) in [("tags_any", &self.tags_any), ("tags_all", &self.tags_all)] {
            let Some(tags) = tags else { continue };
            if !(1..=MAX_NAMED).contains(&tags.len()) {
                found.invalid(format!("{pointer}/{name}"), format!("must name 1 to {MAX_NAMED} tags"));
            }
            for (at, tag) in tags.iter().enumerate() {
                found.word(format!("{pointer}/{name}/{at}"), tag, MAX_TAG_BYTES);
            }
        }
        if let Some(least) = self.min_importance {
            found.in_range(format!("{pointer}/min_importance"), &least, &(0.0..=1.0));
        }
        if self.ids.as_ref().is_some_and(|ids| ids.len() > MAX_NAMED) {
            found.invalid(format!("{pointer}/ids"), format!("must name at most {MAX_NAMED} ids"));
        }
        let metadata = metadata(self.metadata.unwrap_or_default(), &format!("{pointer}/metadata"), found);
        Filter {
            user_id: self.user_id,
            agent_id: self.agent_id,
            session_id: self.session_id,
            tags_any: self.tags_any.unwrap_or_default(),
            tags_all: self.tags_all.unwrap_or_default(),
            occurred_after: self.occurred_after.map(|time| time.0),
            occurred_before: self.occurred_before.map(|time| time.0),
            min_importance: self.min_importance,
            metadata,
            ids: self.ids.map(|ids| ids.into_iter().map(ContextId).collect()),
            ..Filter::default()
        }
    }
}

/// What [`metadata`] accepts.
fn wanted_metadata() -> Object {
    let types = SchemaType::from_iter([Type::String, Type::Number, Type::Boolean, Type::Null]);
    let value = ObjectBuilder::new().schema_type(types).build();
    let values = ArrayBuilder::new()
        .items(value.clone())
        .min_items(Some(1))
        .max_items(Some(MAX_NAMED));
    let wanted: Schema = OneOfBuilder::new().item(value).item(values).into();
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(
            "Key equals value, or one of a list of values; `a.b` reaches into nested objects.",
        ))
        .additional_properties(Some(wanted))
        .build()
}

fn metadata(given: BTreeMap<String, Exact>, pointer: &str, found: &mut Violations) -> BTreeMap<String, Vec<Value>> {
    let mut wanted = BTreeMap::new();
    if given.len() > MAX_NAMED {
        found.invalid(pointer, format!("must name at most {MAX_NAMED} keys"));
    }
    for (key, Exact(value)) in given {
        let values = if let Value::Array(values) = value {
            values
        } else {
            vec![value]
        };
        let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        if !(1..=MAX_NAMED).contains(&values.len()) {
            found.invalid(pointer, format!("must name 1 to {MAX_NAMED} values"));
        } else if values.iter().any(|value| value.is_array() || value.is_object()) {
            found.invalid(pointer, "must be a string, number, boolean or null, or a list of these");
        }
        wanted.insert(key, values);
    }
    wanted
}

/// What to delete: either ids or a filter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, max_properties = 1)]
pub(in crate::api) struct DeleteBody {
    #[schema(min_items = 1, max_items = 1000, nullable = false)]
    ids: Option<Vec<Uuid>>,
    /// Must have a condition.
    #[schema(nullable = false)]
    filter: Option<FilterBody>,
}

impl DeleteBody {
    /// The domain's filter.
    pub(in crate::api) fn into_filter(self) -> Result<Filter, Problem> {
        let mut found = Violations::default();
        let filter = match (self.ids, self.filter) {
            (Some(ids), None) => {
                if !(1..=MAX_NAMED).contains(&ids.len()) {
                    found.invalid("/ids", format!("must name 1 to {MAX_NAMED} ids"));
                }
                Filter::by_ids(ids.into_iter().map(ContextId).collect())
            }
            (None, Some(filter)) => {
                let filter = filter.into_filter("/filter", &mut found);
                if filter.is_empty() {
                    found.invalid(
                        "/filter",
                        "must have a condition; to delete a whole level, use /contexts/clear",
                    );
                }
                filter
            }
            (Some(_), Some(_)) | (None, None) => {
                found.invalid("", "must have either `ids` or `filter`");
                Filter::default()
            }
        };
        found.into_result().map_err(Error::Invalid)?;
        Ok(filter)
    }
}

/// Which level to clear, and of whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ClearBody {
    level: WireLevel,
    session_id: Option<String>,
    user_id: Option<String>,
    agent_id: Option<String>,
}

impl ClearBody {
    /// The domain's filter.
    pub(in crate::api) fn into_filter(self) -> Result<Filter, Problem> {
        let mut found = Violations::default();
        let given = FilterBody {
            user_id: self.user_id,
            agent_id: self.agent_id,
            session_id: self.session_id,
            ..FilterBody::default()
        };
        let filter = given.into_filter("", &mut found);
        found.into_result().map_err(Error::Invalid)?;
        Ok(Filter {
            levels: vec![self.level.into()],
            ..filter
        })
    }
}

/// How many contexts were deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Deleted {
    pub(in crate::api) deleted: u64,
}
