//! Calls to the server: the notes for a prompt, and messages to store.

use std::collections::BTreeMap;
use std::time::Duration;

use context_manager_client::wire::{Exact, Filter, FoundBody, NewContext, Origin, SearchRequest};
use context_manager_client::{Client, Error};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::block::Notes;
use crate::session::Session;

/// Maximum number of notes asked for.
const LIMIT: usize = 50;
/// Maximum number of bytes of a prompt that are searched for; the rest of a pasted file says little.
const QUERY_BYTES: usize = 4_000;
/// Maximum number of bytes of a stored text, some less than the server takes.
const TEXT_BYTES: usize = 30_000;
/// Time between the server's deadline and ours, for the way back.
const WAY_BACK: Duration = Duration::from_millis(40);

/// A session, and where its messages belong.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) host: &'static str,
    pub(crate) session: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) project: &'a str,
}

impl Scope<'_> {
    /// Searches the notes of this project and the user's notes of no project.
    pub(crate) async fn recall(
        &self,
        client: &Client,
        prompt: &str,
        state: &Session,
        left: Duration,
    ) -> Result<Notes, Error> {
        let query = prompt.trim();
        let query = &query[..query.floor_char_boundary(QUERY_BYTES)];
        let project: BTreeMap<_, _> = [("project".to_owned(), Exact(json!(self.project)))].into();
        let request = |metadata| SearchRequest {
            query: query.into(),
            limit: Some(LIMIT),
            user_id: self.user.map(ToOwned::to_owned),
            filter: Some(Filter {
                metadata,
                ..Filter::default()
            }),
            deadline_ms: u64::try_from(left.saturating_sub(WAY_BACK).as_millis().max(1)).ok(),
            ..SearchRequest::default()
        };
        let (of_project, of_user) = (request(Some(project)), request(None));
        let (of_project, of_user) =
            tokio::try_join!(client.search_contexts(&of_project), client.search_contexts(&of_user))?;
        let may_be_more = of_project.contexts.len() == LIMIT;
        let floor = of_project.floor;
        let of_no_project = of_user
            .contexts
            .into_iter()
            .filter(|note| !note.context.metadata.contains_key("project"));
        let mut found: Vec<FoundBody> = of_project.contexts.into_iter().chain(of_no_project).collect();
        found.retain(|note| note.score >= floor && !self.is_in_window(note, state));
        found.sort_by(|one, other| other.score.total_cmp(&one.score));
        Ok(Notes { found, may_be_more })
    }

    /// Returns the contexts to store for a message: one, or more for a text that is too long for one.
    pub(crate) fn message(&self, turn: u64, role: &'static str, text: &str, at: Timestamp) -> Vec<NewContext> {
        let parts = parts(text.trim());
        let part = |(number, text): (usize, &str)| {
            let mut metadata = Map::new();
            metadata.insert("role".to_owned(), json!(role));
            metadata.insert("project".to_owned(), json!(self.project));
            metadata.insert("host".to_owned(), json!(self.host));
            metadata.insert("turn".to_owned(), json!(turn));
            let name = [self.session, &turn.to_string(), role, &number.to_string(), text].join("\u{0}");
            NewContext {
                // The same message of the same turn is the same context, whatever hook brings it and how often.
                id: Some(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())),
                text: text.replace('\u{0}', " "),
                user_id: self.user.map(ToOwned::to_owned),
                session_id: Some(self.session.to_owned()),
                metadata: Some(metadata.into()),
                occurred_at: Some(at.into()),
                origin: Some(if role == "user" { Origin::User } else { Origin::Agent }),
                ..NewContext::default()
            }
        };
        parts.into_iter().enumerate().map(part).collect()
    }

    /// Returns true for a message of this session that the host still shows to the model.
    fn is_in_window(&self, note: &FoundBody, state: &Session) -> bool {
        let turn = note.context.metadata.get("turn").and_then(Value::as_u64);
        note.context.session_id.as_deref() == Some(self.session) && turn.is_some_and(|turn| state.is_in_window(turn))
    }
}

/// Cuts a text into parts that the server takes, at ends of lines where there are some.
fn parts(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while text.len() > TEXT_BYTES {
        let end = text.floor_char_boundary(TEXT_BYTES);
        let line = text[..end]
            .rfind('\n')
            .filter(|line| *line > TEXT_BYTES / 2)
            .unwrap_or(end);
        let (part, rest) = text.split_at(line);
        parts.push(part);
        text = rest.trim_start();
    }
    if !text.is_empty() {
        parts.push(text);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope<'static> = Scope {
        host: "codex",
        session: "s-1",
        user: Some("ann"),
        project: "shop-1",
    };

    #[test]
    fn a_message_has_the_same_id_however_often_a_hook_brings_it() {
        let id = |turn, role, text| SCOPE.message(turn, role, text, Timestamp::UNIX_EPOCH)[0].id.unwrap();
        let first = id(1, "user", "yes");
        assert_eq!(first, id(1, "user", " yes\n"));
        for other in [id(2, "user", "yes"), id(1, "assistant", "yes"), id(1, "user", "no")] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_message_of_any_length_is_kept_whole() {
        let text: Vec<String> = (0..20_000).map(|n| format!("{n}: größer")).collect();
        let text = text.join("\n");
        let messages = SCOPE.message(1, "assistant", &text, Timestamp::UNIX_EPOCH);
        assert!(messages.len() > 5);
        assert!(messages.iter().all(|message| message.text.len() <= TEXT_BYTES));
        let whole: Vec<&str> = messages.iter().flat_map(|message| message.text.lines()).collect();
        assert_eq!(whole, text.lines().collect::<Vec<_>>());
    }

    #[test]
    fn a_message_belongs_to_its_user_project_and_session() {
        let message = &SCOPE.message(3, "user", "hello", Timestamp::UNIX_EPOCH)[0];
        let written = serde_json::to_value(message).unwrap();
        assert_eq!(
            (&written["user_id"], &written["session_id"]),
            (&json!("ann"), &json!("s-1"))
        );
        let metadata = json!({"role": "user", "project": "shop-1", "host": "codex", "turn": 3});
        assert_eq!(written["metadata"], metadata);
    }
}
