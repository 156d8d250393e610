//! Arguments of tools.

use context_manager_client::wire::Time;
use context_manager_core::Moment;
use rmcp::model::JsonObject;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::memory::Fault;

/// Reads the arguments of a tool. An unknown one is refused: a filter that is passed over in silence finds what it should
/// not. An error names the argument, and never repeats a value.
pub(super) fn read<T: DeserializeOwned>(arguments: &JsonObject) -> Result<T, Fault> {
    serde_path_to_error::deserialize(&Value::Object(arguments.clone())).map_err(|error| {
        let path = error.path().iter().map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{key}"),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        });
        let path: String = path.collect();
        let problem = problem(&error.inner().to_string());
        let separator = if path.is_empty() { "" } else { ": " };
        Fault::new(format!("invalid_request: {path}{separator}{problem}"))
    })
}

/// Returns what serde says without the value that it says it of.
fn problem(message: &str) -> String {
    if message.starts_with("UUID") {
        return "must be a UUID".to_owned();
    }
    let is_of_value = ["invalid type", "invalid value", "invalid length", "unknown variant"]
        .iter()
        .any(|start| message.starts_with(start));
    match message.rsplit_once("expected ") {
        Some((_value, expected)) if is_of_value => format!("must be {expected}"),
        _ => message.to_owned(),
    }
}

/// Reads a time, or a date for its first moment in UTC.
pub(super) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time<Moment>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    let time = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text
    };
    let moment = time
        .parse()
        .map_err(|_| D::Error::custom("a time must be a date such as 2026-01-31, or RFC 3339"))?;
    Ok(Some(Time(moment)))
}

/// Checks a number against the bounds that its description names.
pub(super) fn within(name: &str, value: Option<usize>, default: usize, maximum: usize) -> Result<usize, Fault> {
    let value = value.unwrap_or(default);
    if (1..=maximum).contains(&value) {
        Ok(value)
    } else {
        Err(Fault::new(format!("invalid_request: /{name} must be 1 to {maximum}")))
    }
}
