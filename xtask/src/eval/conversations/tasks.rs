//! Questions about conversations.

use super::dataset::Conversation;
use super::store::Stored;
use crate::eval::ask::{Plan, Task};

/// A ranked list long enough for every turn that a large budget holds, and searches with four budgets.
pub(super) const PLAN: Plan = Plan {
    by_user: true,
    limit: 100,
    budgets: &[500, 1_000, 2_000, 4_000],
};

/// Returns the questions with at least one stored piece of evidence.
pub(super) fn of<'a>(conversations: &'a [Conversation], stored: &Stored) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    for (conversation, contexts) in conversations.iter().zip(&stored.contexts) {
        tasks.extend(conversation.questions.iter().map(|question| {
            Task {
                of: &conversation.id,
                kind: question.category.to_string(),
                question: &question.text,
                answers: question
                    .evidence
                    .iter()
                    .filter_map(|turn| contexts.get(turn))
                    .copied()
                    .collect(),
            }
        }));
    }
    tasks.retain(|task| !task.answers.is_empty());
    tasks
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_questions_with_stored_evidence_are_asked() {
        let question = |text, evidence: &[&str]| json!({"question": text, "category": 1, "evidence": evidence});
        let conversation: Conversation = serde_json::from_value(json!({
            "conversation_id": "c", "sessions": [],
            "questions": [question("first", &[]), question("second", &["D1:1", "D9:9"]), question("third", &["D9:9"])],
        }))
        .unwrap();
        let contexts = vec![HashMap::from([("D1:1".to_owned(), Uuid::nil())])];
        let stored = Stored {
            contexts,
            ..Stored::default()
        };
        let conversations = [conversation];
        let tasks = of(&conversations, &stored);
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].answers, [Uuid::nil()]);
        assert_eq!((tasks[0].of, tasks[0].question), ("c", "second"));
    }
}
