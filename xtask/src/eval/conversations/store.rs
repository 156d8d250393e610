//! Storing of conversations.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use context_manager_client::Client;
use context_manager_client::wire::{Level, Metadata, NewContext};
use serde_json::Map;
use tokio::time::Instant;
use uuid::Uuid;

use super::dataset::Conversation;
use crate::eval::store;

/// Metadata key of a turn's id in the dataset.
const TURN: &str = "dia_id";

/// Outcome of storing.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// For each conversation, in order: the context of a turn by the turn's id. The server keeps equal texts of a session
    /// once, so two turns may share a context.
    pub(super) contexts: Vec<HashMap<String, Uuid>>,
    /// Number of turns whose context was stored before.
    pub(super) deduplicated: usize,
    pub(super) took: Duration,
}

/// Stores every turn of every conversation, in order.
///
/// # Errors
/// When a context is refused.
pub(super) async fn store_all(client: &Client, conversations: &[Conversation]) -> Result<Stored> {
    let mut stored = Stored::default();
    let start = Instant::now();
    for conversation in conversations {
        let written = store::store(client, &contexts(conversation)?).await?;
        stored.deduplicated += written.iter().filter(|written| written.is_deduplicated()).count();
        let turns = conversation.sessions.iter().flat_map(|session| &session.turns);
        let ids = turns
            .zip(written)
            .map(|(turn, written)| (turn.id.clone(), written.id()));
        stored.contexts.push(ids.collect());
    }
    stored.took = start.elapsed();
    Ok(stored)
}

/// Returns the contexts of a conversation, of one user, with its sessions.
fn contexts(conversation: &Conversation) -> Result<Vec<NewContext>> {
    let mut contexts = Vec::with_capacity(conversation.turn_count());
    for session in &conversation.sessions {
        for (index, turn) in session.turns.iter().enumerate() {
            contexts.push(NewContext {
                text: session.text_of(turn),
                level: Some(Level::LongTerm),
                user_id: Some(conversation.id.clone()),
                // Each conversation numbers its sessions from 1, and session ids are one space for all users.
                session_id: Some(format!("{}-{}", conversation.id, session.id)),
                occurred_at: Some(session.said_at(index)?.into()),
                metadata: Some(Metadata(Map::from_iter([(TURN.to_owned(), turn.id.clone().into())]))),
                ..NewContext::default()
            });
        }
    }
    Ok(contexts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_turn_becomes_a_context_of_its_user_and_session() {
        let conversation: Conversation = serde_json::from_value(json!({
            "conversation_id": "c-1", "questions": [], "sessions": [{
                "session_id": "session_2", "date_time": "1:56 pm on 8 May, 2023",
                "turns": [{"id": "D2:1", "speaker": "Ann", "text": "Hi"}, {"id": "D2:2", "speaker": "Bob", "text": "Ho"}],
            }],
        }))
        .unwrap();
        let contexts = contexts(&conversation).unwrap();
        let expected = json!({
            "text": "[1:56 pm on 8 May, 2023] Bob: Ho", "level": "long_term", "user_id": "c-1",
            "session_id": "c-1-session_2", "occurred_at": "2023-05-08T13:56:01.000Z", "metadata": {"dia_id": "D2:2"},
        });
        assert_eq!(serde_json::to_value(&contexts[1]).unwrap(), expected);
    }
}
