//! Searches for every question with evidence.

use anyhow::Result;
use context_manager_client::wire::{Filter, SearchRequest};
use indicatif::ProgressBar;
use uuid::Uuid;

use super::dataset::{Conversation, Question};
use super::store::Stored;
use crate::eval::calls::Asker;
use crate::eval::outcome::Outcome;

/// Token budgets to search with.
const BUDGETS: [usize; 4] = [500, 1_000, 2_000, 4_000];
/// Length of the ranked list.
const LIMIT: usize = 100;
/// Number of searches for a question: the ranked list, and one for each token budget.
pub(super) const SEARCHES: usize = 1 + BUDGETS.len();

/// A question and the contexts that answer it.
#[derive(Debug)]
pub(super) struct Task<'a> {
    conversation: &'a str,
    question: &'a Question,
    /// Ids of the contexts that hold its evidence.
    evidence: Vec<Uuid>,
}

/// Returns the questions with at least one stored piece of evidence.
pub(super) fn tasks<'a>(conversations: &'a [Conversation], stored: &'a Stored) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    for (conversation, contexts) in conversations.iter().zip(&stored.contexts) {
        for question in &conversation.questions {
            let ids = question.evidence.iter().filter_map(|turn| contexts.get(turn));
            let evidence: Vec<_> = ids.copied().collect();
            if !evidence.is_empty() {
                tasks.push(Task {
                    conversation: &conversation.id,
                    question,
                    evidence,
                });
            }
        }
    }
    tasks
}

/// Runs all searches of all tasks, and returns the outcomes in the order of the tasks.
///
/// # Errors
/// At the first search that fails.
pub(super) async fn ask_all(asker: &Asker<'_>, tasks: &[Task<'_>], bar: &ProgressBar) -> Result<Vec<Outcome>> {
    let outcomes = asker.ask_all(tasks, bar, async |task| ask(asker, task).await).await?;
    bar.finish_and_clear();
    Ok(outcomes)
}

async fn ask(asker: &Asker<'_>, task: &Task<'_>) -> Result<Outcome> {
    let search = async |limit, max_tokens| {
        let request = SearchRequest {
            query: task.question.text.clone(),
            filter: Some(Filter {
                user_id: Some(task.conversation.to_owned()),
                ..Filter::default()
            }),
            limit,
            max_tokens,
            ..SearchRequest::default()
        };
        anyhow::Ok(Outcome::of(&task.evidence, &asker.search(request).await?))
    };
    let mut outcome = Outcome {
        mode: asker.mode(),
        of: task.conversation.to_owned(),
        kind: task.question.category.to_string(),
        question: task.question.text.clone(),
        ..search(Some(LIMIT), None).await?
    };
    for budget in BUDGETS {
        let selected = search(None, Some(budget)).await?;
        outcome.within.insert(budget, selected.found(usize::MAX));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn only_questions_with_stored_evidence_are_asked() {
        let question = |evidence: &[&str]| json!({"question": "q", "category": 1, "evidence": evidence});
        let conversation: Conversation = serde_json::from_value(json!({
            "conversation_id": "c", "sessions": [],
            "questions": [question(&[]), question(&["D1:1", "D9:9"]), question(&["D9:9"])],
        }))
        .unwrap();
        let contexts = vec![HashMap::from([("D1:1".to_owned(), Uuid::nil())])];
        let stored = Stored {
            contexts,
            ..Stored::default()
        };
        let conversations = [conversation];
        let tasks = tasks(&conversations, &stored);
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].evidence, [Uuid::nil()]);
        assert_eq!(tasks[0].question.evidence, ["D1:1", "D9:9"]);
    }
}
