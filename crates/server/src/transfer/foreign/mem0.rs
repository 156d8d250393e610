//! mem0: answers of `get_all`, which are a list or an object with the list `results`, lists under `memories`, and the relations
//! of its graph.

use std::path::Path;

use context_manager_core::{Moment, NewContext};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::files;
use super::intake::Intake;
use super::item::Item;
use super::json::{Text, each_element, record};
use super::relation::statement;
use super::time::moment;

pub(super) const FILES: &str = "file `*.json`";

const RELATIONS: &str = "relations";

#[derive(Debug, Deserialize)]
struct Memory {
    id: Option<String>,
    #[serde(rename = "memory")]
    fact: Option<Text>,
    text: Option<Text>,
    content: Option<Text>,
    user_id: Option<String>,
    agent_id: Option<String>,
    run_id: Option<String>,
    app_id: Option<String>,
    actor_id: Option<String>,
    categories: Option<Vec<String>>,
    metadata: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "moment")]
    created_at: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    updated_at: Option<Moment>,
    expiration_date: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Relation {
    source: String,
    relationship: String,
    #[serde(alias = "destination")]
    target: String,
}

pub(super) fn has(file: &Path) -> bool {
    files::ends_in(file, "json")
}

pub(super) fn read(file: &Path, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let Some(reader) = intake.open(file) else {
        return Ok(());
    };
    let lists = ["results", "memories", RELATIONS];
    each_element(reader, "memory", &lists, intake, &mut element)
}

fn element(intake: &mut Intake<'_>, list: &str, element: &RawValue) -> anyhow::Result<()> {
    let json = element.get().as_bytes();
    if list == RELATIONS {
        let relation: Option<Relation> = record(json, intake);
        let statement = relation.map(|relation| statement(&relation.source, &relation.relationship, &relation.target));
        return statement.map_or(Ok(()), |item| intake.take(item));
    }
    record(json, intake).map_or(Ok(()), |memory: Memory| intake.take(memory.into()))
}

impl From<Memory> for Item {
    fn from(memory: Memory) -> Self {
        let text = memory.fact.or(memory.text).or(memory.content).unwrap_or_default().0;
        let mut metadata = memory.metadata.unwrap_or_default();
        for (name, value) in [("app_id", memory.app_id), ("actor_id", memory.actor_id)] {
            if let Some(value) = value {
                metadata.insert(name.to_owned(), json!(value));
            }
        }
        Self {
            name: format!("memory\0{}", memory.id.unwrap_or_else(|| text.clone())),
            context: NewContext {
                text,
                user_id: memory.user_id,
                agent_id: memory.agent_id,
                session_id: memory.run_id,
                tags: memory.categories.unwrap_or_default(),
                metadata,
                occurred_at: memory.updated_at.or(memory.created_at),
                ..NewContext::default()
            },
            expires_at: memory.expiration_date.as_deref().and_then(end_of_day),
            message: None,
        }
    }
}

/// Returns the end of a day in UTC.
fn end_of_day(day: &str) -> Option<Timestamp> {
    let day: Date = day.parse().ok()?;
    let next = day.checked_add(1.day()).ok()?;
    Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
