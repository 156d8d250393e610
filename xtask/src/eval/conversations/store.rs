//! Stores the turns of all conversations, and remembers which context holds which turn.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use tokio::time::Instant;

use super::dataset::Conversation;
use crate::eval::BATCH;
use crate::subject::client::{BatchItem, Client, Level, NewContext};

/// The key of the metadata that holds the turn's id in the dataset.
const TURN: &str = "dia_id";

/// What was stored.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// For each conversation, in order: the context that holds a turn, by the turn's id. The server keeps equal texts
    /// of a session once, so two turns may share a context.
    pub(super) contexts: Vec<HashMap<String, String>>,
    /// Turns whose context was there already.
    pub(super) deduplicated: usize,
    /// Contexts that were answered before their vector was there.
    pub(super) pending: usize,
    /// Time for all of it.
    pub(super) took: Duration,
}

/// Stores every turn of every conversation, in order.
///
/// # Errors
/// At the first call or context that the server refuses, with its problem.
pub(super) async fn store_all(client: &Client, conversations: &[Conversation], bar: &ProgressBar) -> Result<Stored> {
    let mut stored = Stored::default();
    let start = Instant::now();
    for conversation in conversations {
        let mut ids = HashMap::new();
        for batch in contexts(conversation)?.chunks(BATCH) {
            for (sent, item) in batch.iter().zip(client.store_batch(batch).await?) {
                let turn = &sent.metadata[TURN];
                let id = stored
                    .count(item)
                    .with_context(|| format!("turn {turn} of {}", conversation.id))?;
                ids.insert(turn.clone(), id);
                bar.inc(1);
            }
        }
        stored.contexts.push(ids);
    }
    bar.finish_and_clear();
    stored.took = start.elapsed();
    Ok(stored)
}

impl Stored {
    /// Counts one result of a batch and returns the id of its context.
    fn count(&mut self, item: BatchItem) -> Result<String> {
        let (context, known) = item.accepted()?;
        self.deduplicated += usize::from(known);
        self.pending += usize::from(context.embedding_status == "pending");
        Ok(context.id)
    }
}

/// The contexts of one conversation: one user, and one session for each of its sessions.
fn contexts(conversation: &Conversation) -> Result<Vec<NewContext>> {
    let mut contexts = Vec::with_capacity(conversation.turn_count());
    for session in &conversation.sessions {
        for (index, turn) in session.turns.iter().enumerate() {
            contexts.push(NewContext {
                text: session.text_of(turn),
                level: Level::LongTerm,
                user_id: Some(conversation.id.clone()),
                // Sessions are numbered anew in each conversation, and session ids are one space for all users.
                session_id: Some(format!("{}-{}", conversation.id, session.id)),
                occurred_at: Some(session.said_at(index)?.to_string()),
                metadata: BTreeMap::from([(TURN, turn.id.clone())]),
                ..NewContext::default()
            });
        }
    }
    Ok(contexts)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn item(value: Value) -> BatchItem {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn turn_becomes_a_context_of_its_user_and_session() {
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
            "session_id": "c-1-session_2", "occurred_at": "2023-05-08T13:56:01Z", "metadata": {"dia_id": "D2:2"},
        });
        assert_eq!(serde_json::to_value(&contexts[1]).unwrap(), expected);
    }

    #[test]
    fn stored_deduplicated_and_pending_contexts_are_counted() {
        let mut stored = Stored::default();
        for (status, embedding, id) in [(201, "ready", "a"), (200, "ready", "a"), (201, "pending", "b")] {
            let context = json!({"id": id, "embedding_status": embedding});
            assert_eq!(
                stored
                    .count(item(json!({"status": status, "context": context})))
                    .unwrap(),
                id
            );
        }
        assert_eq!((stored.deduplicated, stored.pending), (1, 1));
    }
}
