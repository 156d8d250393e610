//! Filters of contexts, and deletions by them.

use std::collections::BTreeMap;

use context_manager_core::context::{MAX_ID_BYTES, MAX_ROLE_BYTES, MAX_TAG_BYTES};
use context_manager_core::{self as domain, ContextId, Error, Moment, Violations};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Exact, Level, LevelCounts, Origin, Time};

/// Maximum number of ids, tags or metadata values in one filter.
const MAX_NAMED: usize = 1000;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Contexts of this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Contexts of this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Contexts of this conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Contexts of exactly this scope.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Contexts of this scope and of all scopes below it.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope_prefix: Option<String>,
    /// Messages of this role.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Contexts of this origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Parts of this document.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// Contexts in this language: a BCP 47 tag, or the language alone for all of its tags.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Contexts with at least one of these tags.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags_any: Option<Vec<String>>,
    /// Contexts with all of these tags.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags_all: Option<Vec<String>>,
    /// Events at this time or later.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Time>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_after: Option<Time<Moment>>,
    /// Events before this time.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Time>))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_before: Option<Time<Moment>>,
    /// Contexts of at least this importance.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_importance: Option<f32>,
    /// Contexts with these values of metadata keys.
    #[cfg_attr(feature = "openapi", schema(schema_with = wanted_metadata))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Exact>>,
    /// Contexts with one of these ids.
    #[cfg_attr(feature = "openapi", schema(max_items = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<Uuid>>,
}

impl Filter {
    /// Converts to the domain's filter. Problems are added to `found` with pointers below `pointer`.
    pub fn into_filter(self, pointer: &str, found: &mut Violations) -> domain::Filter {
        for (name, id, maximum) in [
            ("user_id", &self.user_id, MAX_ID_BYTES),
            ("agent_id", &self.agent_id, MAX_ID_BYTES),
            ("session_id", &self.session_id, MAX_ID_BYTES),
            ("role", &self.role, MAX_ROLE_BYTES),
            ("document_id", &self.document_id, MAX_ID_BYTES),
        ] {
            if let Some(id) = id {
                found.word(format!("{pointer}/{name}"), id, maximum);
            }
        }
        for (name, path) in [("scope", &self.scope), ("scope_prefix", &self.scope_prefix)] {
            if let Some(path) = path {
                found.scope_path(format!("{pointer}/{name}"), path);
            }
        }
        found.language(format!("{pointer}/language"), self.language.as_deref());
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
        domain::Filter {
            user_id: self.user_id,
            agent_id: self.agent_id,
            session_id: self.session_id,
            scope: self.scope,
            scope_prefix: self.scope_prefix,
            role: self.role,
            origins: self.origin.map(Into::into).into_iter().collect(),
            document_id: self.document_id,
            language: self.language,
            tags_any: self.tags_any.unwrap_or_default(),
            tags_all: self.tags_all.unwrap_or_default(),
            occurred_after: self.occurred_after.map(|time| time.0),
            occurred_before: self.occurred_before.map(|time| time.0),
            min_importance: self.min_importance,
            metadata,
            ids: self.ids.map(|ids| ids.into_iter().map(ContextId).collect()),
            ..domain::Filter::default()
        }
    }
}

/// Schema of the conditions that [`metadata`] accepts.
#[cfg(feature = "openapi")]
fn wanted_metadata() -> utoipa::openapi::schema::Object {
    use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};

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
            "The value of a key, or a list of accepted values; `a.b` names a key of a nested object.",
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

/// Contexts to delete, by either ids or a filter.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(min_properties = 1, max_properties = 1))]
pub struct DeleteBody {
    /// Ids of the contexts.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000, nullable = false))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<Uuid>>,
    /// A filter with at least one condition.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
}

impl DeleteBody {
    /// Converts to the domain's filter.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation.
    pub fn into_filter(self) -> Result<domain::Filter, Error> {
        let mut found = Violations::default();
        let filter = match (self.ids, self.filter) {
            (Some(ids), None) => {
                if !(1..=MAX_NAMED).contains(&ids.len()) {
                    found.invalid("/ids", format!("must name 1 to {MAX_NAMED} ids"));
                }
                domain::Filter::by_ids(ids.into_iter().map(ContextId).collect())
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
                domain::Filter::default()
            }
        };
        found.into_result().map_err(Error::Invalid)?;
        Ok(filter)
    }
}

/// Level to clear, for everybody or for one session, user or agent.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClearBody {
    /// The level.
    pub level: Level,
    /// Only this conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Only this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Only this agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

impl ClearBody {
    /// Converts to the domain's filter.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation.
    pub fn into_filter(self) -> Result<domain::Filter, Error> {
        let mut found = Violations::default();
        let given = Filter {
            user_id: self.user_id,
            agent_id: self.agent_id,
            session_id: self.session_id,
            ..Filter::default()
        };
        let filter = given.into_filter("", &mut found);
        found.into_result().map_err(Error::Invalid)?;
        Ok(domain::Filter {
            levels: vec![self.level.into()],
            ..filter
        })
    }
}

/// Contexts to count. Default all.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CountBody {
    /// Conditions on the contexts.
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Count replaced contexts as well, as a deletion by the same filter does.
    #[serde(default)]
    pub include_superseded: bool,
}

impl CountBody {
    /// Converts the filter to the domain's.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every violation.
    pub fn into_filter(self) -> Result<domain::Filter, Error> {
        let mut found = Violations::default();
        let filter = self.filter.unwrap_or_default().into_filter("/filter", &mut found);
        found.into_result().map_err(Error::Invalid)?;
        Ok(filter)
    }
}

/// Number of contexts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counted {
    /// Number of contexts.
    pub total: u64,
    /// Number of contexts by level.
    #[cfg_attr(feature = "openapi", schema(inline))]
    pub contexts: LevelCounts<u64>,
}

/// Number of deleted contexts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deleted {
    /// The number.
    pub deleted: u64,
}
