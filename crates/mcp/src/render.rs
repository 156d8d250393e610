//! Contexts as lines for a model: an id, a date, and the text quoted, so that no stored text can pass for ours.

use std::fmt::Write as _;

use context_manager_client::wire::{Context, Degraded};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::budget::Rest;

/// Most characters of a text in a list.
const EXCERPT_CHARS: usize = 1200;

/// Characters that some reader takes for the end of a line.
const LINE_ENDS: [char; 7] = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// Characters `from..` of a text, at most `count`, and the offset of the next one if there is more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) text: &'a str,
    pub(crate) next: Option<usize>,
}

impl<'a> Part<'a> {
    pub(crate) fn of(text: &'a str, from: usize, count: usize) -> Self {
        let byte = |text: &str, chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
        let rest = &text[byte(text, from)..];
        let part = &rest[..byte(rest, count)];
        Self {
            text: part,
            next: (part.len() < rest.len()).then(|| from + count),
        }
    }

    /// Returns the beginning of a text, for a list.
    pub(crate) fn excerpt(text: &'a str) -> Self {
        Self::of(text, 0, EXCERPT_CHARS)
    }
}

/// Returns a context as an object. Fields without a value are left out, as schemas have no `null`.
pub(crate) fn object(context: &Context, part: Part<'_>, score: Option<f32>) -> Value {
    let mut object = Map::new();
    let mut set = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    set("id", json!(context.id));
    set("text", json!(part.text));
    if let Some(next) = part.next {
        set("truncated", json!(true));
        set("next_offset", json!(next));
    }
    set("level", json!(context.level));
    set("occurred_at", json!(context.occurred_at));
    for (name, value) in [
        ("score", score.map(rounded)),
        ("session_id", context.session_id.as_ref().map(|id| json!(id))),
        ("tags", (!context.tags.is_empty()).then(|| json!(context.tags))),
        ("expires_at", context.expires_at.map(|time| json!(time))),
        ("superseded_by", context.superseded_by.map(|id| json!(id))),
    ] {
        if let Some(value) = value {
            set(name, value);
        }
    }
    Value::Object(object)
}

/// Adds a context to a text.
pub(crate) fn lines(into: &mut String, context: &Context, part: Part<'_>, score: Option<f32>) {
    let _infallible = write!(into, "\n[{}] {}", context.id, date(context));
    if let Some(score) = score {
        let _infallible = write!(into, ", score {score:.2}");
    }
    if !context.tags.is_empty() {
        // Tags are stored text too, and could hold a line break.
        let _infallible = write!(into, ", tags: {}", context.tags.join(", ").replace(LINE_ENDS, " "));
    }
    if let Some(newer) = context.superseded_by {
        let _infallible = write!(into, ", replaced by {newer}");
    }
    into.push('\n');
    for line in part.text.split(LINE_ENDS) {
        let _infallible = writeln!(into, "> {line}");
    }
    if let Some(next) = part.next {
        let _infallible = writeln!(into, "> … (continues at offset {next}: memory_get)");
    }
}

/// Adds what is not shown to a text.
pub(crate) fn rest(into: &mut String, rest: &Rest) {
    if rest.count > 0 {
        let ids: Vec<_> = rest.ids.iter().map(Uuid::to_string).collect();
        let _infallible = write!(into, "\n{} more not shown; memory_get: {}", rest.count, ids.join(", "));
        if ids.len() < rest.count {
            into.push_str(", …");
        }
        into.push('\n');
    }
}

/// Adds a notice of parts that were down to a text.
pub(crate) fn degraded(into: &mut String, degraded: &[Degraded]) {
    if !degraded.is_empty() {
        let names = names(degraded);
        let _infallible = writeln!(into, "\nNot complete: {} was down or late.", names.join(", "));
    }
}

/// Returns the names of parts that were down.
pub(crate) fn names(degraded: &[Degraded]) -> Vec<String> {
    let name = |part: &Degraded| serde_json::to_value(part).ok()?.as_str().map(ToOwned::to_owned);
    degraded.iter().filter_map(name).collect()
}

/// Returns a score with two digits: a float of 32 bits would be written with nine.
pub(crate) fn rounded(score: f32) -> Value {
    json!((f64::from(score) * 100.0).round() / 100.0)
}

fn date(context: &Context) -> String {
    let time = serde_json::to_value(context.occurred_at).unwrap_or_default();
    let text = time.as_str().unwrap_or_default();
    text.get(..10).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_between_characters_and_says_where_the_next_begins() {
        for (from, count, text, next) in [
            (0, 2, "aé", Some(2)),
            (2, 2, "語🦀", Some(4)),
            (4, 2, "z", None),
            (0, 5, "aé語🦀z", None),
            (9, 2, "", None),
        ] {
            let part = Part::of("aé語🦀z", from, count);
            assert_eq!((part.text, part.next), (text, next), "{from}");
        }
    }
}
