//! Hindsight: the unpacked archive of a bank, whose documents hold facts, or the list of memories of its API.

use std::path::Path;

use context_manager_core::{Moment, NewContext};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::files;
use super::intake::Intake;
use super::item::Item;
use super::json::{Text, each_element, record};
use super::time::moment;

pub(super) const FILES: &str = "files `documents/*.json`, `observations.json` or `memories*.json`";

#[derive(Debug, Deserialize)]
struct Fact {
    id: Option<String>,
    text: Text,
    #[serde(rename = "fact_type")]
    kind: Option<String>,
    #[serde(rename = "type")]
    listed_kind: Option<String>,
    context: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    occurred_start: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    mentioned_at: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    event_date: Option<Moment>,
    #[serde(default, deserialize_with = "moment")]
    date: Option<Moment>,
    metadata: Option<Map<String, Value>>,
    tags: Option<Vec<String>>,
    /// A list of names, or a text with all of them.
    entities: Option<Value>,
    document_id: Option<String>,
}

pub(super) fn has(file: &Path) -> bool {
    let in_documents = file.parent().is_some_and(|folder| files::name(folder) == "documents");
    let name = files::name(file);
    files::ends_in(file, "json") && (in_documents || name == "observations.json" || name.starts_with("memories"))
}

pub(super) fn read(file: &Path, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let Some(reader) = intake.open(file) else {
        return Ok(());
    };
    each_element(
        reader,
        "fact",
        &["facts", "items"],
        intake,
        &mut |intake, _list, json| {
            record(json.get().as_bytes(), intake).map_or(Ok(()), |fact: Fact| intake.take(fact.into()))
        },
    )
}

impl From<Fact> for Item {
    fn from(fact: Fact) -> Self {
        let occurred_at = fact
            .occurred_start
            .or(fact.mentioned_at)
            .or(fact.event_date)
            .or(fact.date);
        let mut metadata = fact.metadata.unwrap_or_default();
        let fields = [
            ("fact_type", fact.kind.or(fact.listed_kind).map(Value::from)),
            (
                "context",
                fact.context.filter(|context| context != "N/A").map(Value::from),
            ),
            ("document_id", fact.document_id.map(Value::from)),
            (
                "entities",
                fact.entities
                    .filter(|entities| *entities != json!("None") && *entities != json!([])),
            ),
        ];
        metadata.extend(
            fields
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
        let Text(text) = fact.text;
        let time = occurred_at.map(|time| time.to_string()).unwrap_or_default();
        Self {
            name: fact
                .id
                .map_or_else(|| ["fact", &text, &time].join("\0"), |id| format!("memory\0{id}")),
            context: NewContext {
                text,
                tags: fact.tags.unwrap_or_default(),
                metadata,
                occurred_at,
                ..NewContext::default()
            },
            ..Self::default()
        }
    }
}
