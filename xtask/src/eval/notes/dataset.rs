//! Sets of notes and questions.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use context_manager_client::wire::{Level, Time};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Type of a question about something that changed.
const UPDATE: &str = "update";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sets: Vec<Set>,
}

/// Memories of one person or team, and questions about them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    pub(super) name: String,
    /// BCP 47; `mul` for several.
    pub(super) language: String,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    pub(super) memories: Vec<Memory>,
    pub(super) questions: Vec<Question>,
    /// Questions that sound as if they belonged here, and that no memory answers.
    pub(super) unanswerable: Vec<String>,
}

/// A memory.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Memory {
    /// Unique within the set.
    pub(super) id: String,
    pub(super) text: String,
    pub(super) level: Level,
    pub(super) session: Option<String>,
    pub(super) occurred_at: Time,
}

/// A question and the memories that answer it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    #[serde(rename = "q")]
    pub(super) text: String,
    relevant: Vec<String>,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

impl Set {
    pub(super) fn is_english(&self) -> bool {
        self.language.split('-').next() == Some("en")
    }

    /// Returns the indices of the memories that answer a question: of a question about something that changed only the
    /// newest, so that what it replaced counts as wrong.
    pub(super) fn answers(&self, question: &Question) -> Vec<usize> {
        let ids = self
            .memories
            .iter()
            .enumerate()
            .filter(|(_, memory)| question.relevant.contains(&memory.id));
        let indices = ids.map(|(index, _)| index);
        if question.kind == UPDATE {
            let newest = indices.max_by_key(|index| self.memories[*index].occurred_at.0);
            return newest.into_iter().collect();
        }
        indices.collect()
    }

    fn check(&self) -> Result<()> {
        let mut ids = HashSet::new();
        for Memory { id, .. } in &self.memories {
            ensure!(ids.insert(id), "two memories have the id {id}");
        }
        for Question { text, relevant, .. } in &self.questions {
            ensure!(!relevant.is_empty(), "no memory answers {text:?}");
            if let Some(id) = relevant.iter().find(|id| !ids.contains(id)) {
                bail!("there is no memory {id}, which is to answer {text:?}");
            }
        }
        Ok(())
    }
}

/// Reads all sets of a file.
///
/// # Errors
/// When it cannot be read, has another form, or contradicts itself.
pub(super) fn load(path: &Path) -> Result<Vec<Set>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("{} does not hold sets of notes", path.display()))
}

pub(super) fn parse(text: &str) -> Result<Vec<Set>> {
    let File { sets } = serde_json::from_str(text)?;
    let mut names = HashSet::new();
    for set in &sets {
        ensure!(names.insert(&set.name), "two sets have the name {}", set.name);
        set.check().with_context(|| format!("set {}", set.name))?;
    }
    Ok(sets)
}

/// Builds a set with two memories, the second newer, and questions of this form.
#[cfg(test)]
pub(super) fn example(questions: &serde_json::Value) -> String {
    serde_json::json!({"sets": [{
        "name": "diary", "language": "en", "kind": "assistant", "questions": questions, "unanswerable": ["Who?"],
        "memories": [
            {"id": "m2", "text": "Now it is blue.", "level": "short_term", "session": null, "occurred_at": "2026-01-05T08:00:00Z"},
            {"id": "m1", "text": "It is red.", "level": "long_term", "session": "s1", "occurred_at": "2026-01-04T08:00:00Z"},
        ],
    }]})
    .to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_update_is_answered_by_the_newest_memory_alone() {
        let question = |kind| json!({"q": "Colour?", "relevant": ["m1", "m2"], "type": kind});
        let sets = parse(&example(&json!([question("multi"), question("update")]))).unwrap();
        let set = &sets[0];
        assert_eq!(
            set.questions
                .iter()
                .map(|question| set.answers(question))
                .collect::<Vec<_>>(),
            [vec![0, 1], vec![0]]
        );
        assert!(set.is_english());
    }

    #[test]
    fn other_forms_are_refused_with_what_is_wrong() {
        let question = json!({"q": "Colour?", "relevant": ["m1"], "type": "single"});
        let good = example(&json!([question]));
        assert!(parse(&good).is_ok());
        let twice = format!(
            "{{\"sets\": [{set}, {set}]}}",
            set = &good["{\"sets\":[".len()..good.len() - 2]
        );
        for (text, reason) in [
            ("[]".to_owned(), "expected struct File"),
            (
                good.replace("\"unanswerable\"", "\"unanswered\""),
                "unknown field `unanswered`",
            ),
            (good.replace("\"type\"", "\"sort\""), "unknown field `sort`"),
            (
                good.replace("short_term", "medium_term"),
                "unknown variant `medium_term`",
            ),
            (good.replace("m2", "m1"), "two memories have the id m1"),
            (good.replace("[\"m1\"]", "[\"m3\"]"), "there is no memory m3"),
            (good.replace("[\"m1\"]", "[]"), "no memory answers"),
            (twice, "two sets have the name diary"),
        ] {
            let error = format!("{:#}", parse(&text).unwrap_err());
            assert!(error.contains(reason), "{reason} is not in: {error}");
        }
    }
}
