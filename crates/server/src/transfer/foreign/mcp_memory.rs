//! The MCP reference server for memory: a graph in JSON lines, each an entity with its observations, or a relation.

use std::path::Path;

use context_manager_core::NewContext;
use serde::Deserialize;
use serde_json::json;

use super::files;
use super::intake::Intake;
use super::item::Item;
use super::json::{Text, each_line, record};
use super::relation::statement;
use super::report::LeftOut;

pub(super) const FILES: &str = "file `memory.jsonl`";

#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
}

#[derive(Debug, Deserialize)]
struct Entity {
    name: String,
    #[serde(rename = "entityType")]
    kind: String,
    observations: Vec<Text>,
}

#[derive(Debug, Deserialize)]
struct Relation {
    from: String,
    to: String,
    #[serde(rename = "relationType")]
    kind: String,
}

pub(super) fn has(file: &Path) -> bool {
    matches!(files::name(file), "memory.jsonl" | "memory.json")
}

pub(super) fn read(file: &Path, intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let Some(reader) = intake.open(file) else {
        return Ok(());
    };
    each_line(reader, intake, &mut line)
}

fn line(intake: &mut Intake<'_>, line: &[u8]) -> anyhow::Result<()> {
    let kind = record(line, intake).map(|kind: Kind| kind.name);
    match kind.as_deref() {
        Some("entity") => {
            let items = record(line, intake).map(items).unwrap_or_default();
            items.into_iter().try_for_each(|item| intake.take(item))
        }
        Some("relation") => record(line, intake).map_or(Ok(()), |relation: Relation| {
            intake.take(statement(&relation.from, &relation.kind, &relation.to))
        }),
        Some(_) => {
            intake.leave_out(LeftOut::Other, 1);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Makes a statement about the entity of each observation, and one of its type if there are none.
fn items(entity: Entity) -> Vec<Item> {
    let Entity {
        name,
        kind,
        observations,
    } = entity;
    let about = |record: &str, text: &str| Item {
        name: [record, &name, text].join("\0"),
        context: NewContext {
            text: format!("{name}: {text}"),
            metadata: [("entity", &name), ("entity_type", &kind)]
                .map(|(field, value)| (field.to_owned(), json!(value)))
                .into_iter()
                .collect(),
            ..NewContext::default()
        },
        ..Item::default()
    };
    if observations.is_empty() {
        return vec![about("entity", &kind)];
    }
    let observations = observations.iter().filter(|text| !text.0.trim().is_empty());
    observations.map(|text| about("observation", &text.0)).collect()
}
