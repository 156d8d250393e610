//! Flags that say which contexts are meant.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use context_manager_client::wire::{Exact, Filter, Level, Origin, Time};
use context_manager_core::Moment;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::when;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Filter")]
pub(super) struct FilterArgs {
    /// Contexts of this user.
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Contexts of this agent.
    #[arg(long, value_name = "ID")]
    agent: Option<String>,
    /// Contexts of exactly this scope.
    #[arg(long, value_name = "PATH")]
    scope: Option<String>,
    /// Contexts of this scope and of all below it.
    #[arg(long, value_name = "PATH")]
    scope_prefix: Option<String>,
    /// Contexts with this tag; several for any of them.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Contexts with this tag as well; several for all of them.
    #[arg(long = "all-tags", value_name = "TAG")]
    all_tags: Vec<String>,
    /// Contexts of this origin.
    #[arg(long, value_name = "ORIGIN", value_parser = origin())]
    origin: Option<Origin>,
    /// Messages of this role.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Parts of this document.
    #[arg(long, value_name = "ID")]
    document: Option<String>,
    /// Contexts in this language, such as `de`.
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// Events at this time or later: a time, a date, or a duration before now such as `7d`.
    #[arg(long, value_name = "WHEN", value_parser = when::past)]
    after: Option<Timestamp>,
    /// Events before this time.
    #[arg(long, value_name = "WHEN", value_parser = when::past)]
    before: Option<Timestamp>,
    /// Contexts of at least this importance, 0 to 1.
    #[arg(long, value_name = "NUMBER")]
    min_importance: Option<f32>,
    /// Contexts with this value of a metadata key.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, Value)>,
}

impl FilterArgs {
    /// Returns the filter; `None` without a condition.
    pub(super) fn filter(&self, session_id: Option<String>) -> Option<Filter> {
        let given = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let time = |time: Option<Timestamp>| time.map(|time| Time(Moment::from(time)));
        let metadata: BTreeMap<_, _> = self
            .metadata
            .iter()
            .map(|(key, value)| (key.clone(), Exact(value.clone())))
            .collect();
        let filter = Filter {
            user_id: self.user.clone(),
            agent_id: self.agent.clone(),
            session_id,
            scope: self.scope.clone(),
            scope_prefix: self.scope_prefix.clone(),
            role: self.role.clone(),
            origin: self.origin,
            document_id: self.document.clone(),
            language: self.language.clone(),
            tags_any: given(&self.tags),
            tags_all: given(&self.all_tags),
            occurred_after: time(self.after),
            occurred_before: time(self.before),
            min_importance: self.min_importance,
            metadata: (!metadata.is_empty()).then_some(metadata),
            ids: None,
        };
        let is_empty =
            serde_json::to_value(&filter).is_ok_and(|filter| filter == Value::Object(serde_json::Map::new()));
        (!is_empty).then_some(filter)
    }
}

/// Parser of a level.
pub(super) fn level() -> impl TypedValueParser<Value = Level> {
    let levels = [
        ("immediate", ["l1", "L1"]),
        ("short_term", ["l2", "L2"]),
        ("long_term", ["l3", "L3"]),
    ];
    named(levels.map(|(name, short)| PossibleValue::new(name).aliases(short)))
}

/// Parser of an origin.
pub(super) fn origin() -> impl TypedValueParser<Value = Origin> {
    named(["user", "agent", "tool", "import", "system"].map(PossibleValue::new))
}

/// Parser of the names that JSON has for a type.
pub(super) fn named<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    names: impl IntoIterator<Item = PossibleValue>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names.into_iter().collect::<Vec<_>>())
        .try_map(|name| serde_json::from_value(Value::from(name)))
}

/// Reads a metadata key and its value: JSON, or else a text.
pub(super) fn pair(text: &str) -> anyhow::Result<(String, Value)> {
    let (key, value) = text.split_once('=').context("must be KEY=VALUE")?;
    let value = serde_json::from_str(value).map_or_else(|_| Value::from(value), |Exact(value)| value);
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_or_a_text() {
        for (text, value) in [
            ("k=1", json!(1)),
            ("k=true", json!(true)),
            ("k=a=b", json!("a=b")),
            ("k=", json!("")),
        ] {
            assert_eq!(pair(text).unwrap(), ("k".to_owned(), value));
        }
        assert!(pair("k").is_err());
    }

    #[test]
    fn no_flag_is_no_filter() {
        assert!(FilterArgs::default().filter(None).is_none());
        let session = FilterArgs::default().filter(Some("s".to_owned()));
        assert_eq!(serde_json::to_value(session).unwrap(), json!({"session_id": "s"}));
    }
}
