//! Lines of standard input as contexts.

use anyhow::Context as _;
use context_manager_client::wire::NewContext;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// Kind of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each is a text.
    Texts,
    /// Each is a JSON object with the fields of a context.
    Objects,
}

/// A line that is not empty.
#[derive(Debug)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: u64,
    /// Its context, or the reason that it is none.
    pub(super) context: Result<Box<NewContext>, String>,
}

/// Lines of standard input.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    /// Unknown before the first line.
    kind: Option<Kind>,
    /// Fields of a context whose line does not name them.
    fields: NewContext,
    number: u64,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(input: R, kind: Option<Kind>, fields: NewContext) -> Self {
        Self {
            input,
            kind,
            fields,
            number: 0,
        }
    }

    /// Returns the next line; `None` after the last one.
    ///
    /// # Errors
    /// When standard input cannot be read, or is no text.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Line>> {
        let mut text = String::new();
        loop {
            text.clear();
            self.number += 1;
            let read = self.input.read_line(&mut text).await;
            let read = read.with_context(|| format!("cannot read line {} of standard input", self.number))?;
            if read == 0 {
                return Ok(None);
            }
            if !text.trim().is_empty() {
                break;
            }
        }
        let kind = *self.kind.get_or_insert_with(|| kind_of(&text));
        let context = match kind {
            Kind::Texts => Ok(Box::new(NewContext {
                text: text.trim().to_owned(),
                ..self.fields.clone()
            })),
            Kind::Objects => self.object(&text).map(Box::new).map_err(|error| error.to_string()),
        };
        Ok(Some(Line {
            number: self.number,
            context,
        }))
    }

    /// Reads a context whose fields come before those of the command line.
    fn object(&self, text: &str) -> serde_json::Result<NewContext> {
        let context: NewContext = serde_json::from_str(text)?;
        let fields = &self.fields;
        Ok(NewContext {
            level: context.level.or(fields.level),
            user_id: context.user_id.or_else(|| fields.user_id.clone()),
            agent_id: context.agent_id.or_else(|| fields.agent_id.clone()),
            session_id: context.session_id.or_else(|| fields.session_id.clone()),
            scope: context.scope.or_else(|| fields.scope.clone()),
            key: context.key.or_else(|| fields.key.clone()),
            origin: context.origin.or(fields.origin),
            language: context.language.or_else(|| fields.language.clone()),
            tags: context.tags.or_else(|| fields.tags.clone()),
            metadata: context.metadata.or_else(|| fields.metadata.clone()),
            importance: context.importance.or(fields.importance),
            pinned: context.pinned.or(fields.pinned),
            ttl_secs: context.ttl_secs.or(fields.ttl_secs),
            occurred_at: context.occurred_at.or(fields.occurred_at),
            supersedes: context.supersedes.or_else(|| fields.supersedes.clone()),
            text: context.text,
            id: context.id,
        })
    }
}

/// Returns the kind of lines that begin with this one.
fn kind_of(first: &str) -> Kind {
    let object = serde_json::from_str::<Map<String, Value>>(first);
    if object.is_ok_and(|object| object.contains_key("text")) {
        Kind::Objects
    } else {
        Kind::Texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &str, kind: Option<Kind>) -> Vec<(u64, Result<String, String>)> {
        let fields = NewContext {
            user_id: Some("ann".to_owned()),
            ..NewContext::default()
        };
        let mut lines = Lines::new(input.as_bytes(), kind, fields);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            let shown = |context: Box<NewContext>| format!("{} {}", context.user_id.unwrap(), context.text);
            found.push((line.number, line.context.map(shown)));
        }
        found
    }

    #[tokio::test]
    async fn each_line_is_a_context() {
        let found = read("one\r\n\n  two \n{three}", None).await;
        let texts = [(1, "ann one"), (3, "ann two"), (4, "ann {three}")];
        assert_eq!(found, texts.map(|(number, text)| (number, Ok(text.to_owned()))));
    }

    #[tokio::test]
    async fn objects_are_known_by_the_first_and_keep_their_fields() {
        let found = read(
            "{\"text\": \"one\", \"user_id\": \"bob\"}\n{\"text\": \"two\"}\nthree\n{\"txt\": \"\"}",
            None,
        )
        .await;
        assert_eq!(found[0].1.as_deref(), Ok("bob one"));
        assert_eq!(found[1].1.as_deref(), Ok("ann two"));
        assert!(found[2].1.is_err());
        assert!(
            found[3].1.as_ref().is_err_and(|error| error.contains("txt")),
            "{found:?}"
        );
        assert!(read("three", Some(Kind::Objects)).await[0].1.is_err());
    }
}
