//! Searches for every question with evidence, and the ranks of that evidence.

use std::time::Duration;

use anyhow::{Context, Result};
use context_manager_client::Client;
use context_manager_client::wire::{Filter, SearchMode, SearchRequest, SearchResponse};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use serde::Serialize;
use uuid::Uuid;

use super::dataset::{Category, Conversation, Question};
use super::store::Stored;
use crate::eval::calls::{IN_FLIGHT, rank_of, search};
use crate::eval::figures::Ranks;

/// Token budgets to search with.
pub(super) const BUDGETS: [usize; 4] = [500, 1_000, 2_000, 4_000];
/// Length of the ranked list.
const LIMIT: usize = 100;
/// Number of searches for a question: the ranked list, and one for each token budget.
pub(super) const SEARCHES: usize = 1 + BUDGETS.len();

/// Ranks of a question's evidence.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) conversation: String,
    /// Index of the question in its conversation.
    pub(super) question: usize,
    pub(super) category: Category,
    pub(super) ranks: Ranks,
    /// Number of pieces of evidence found within each of [`BUDGETS`].
    pub(super) within: [usize; BUDGETS.len()],
}

/// A question and the contexts that answer it.
#[derive(Debug)]
pub(super) struct Task<'a> {
    conversation: &'a str,
    /// Index of the question in its conversation.
    index: usize,
    question: &'a Question,
    /// Ids of the contexts that hold its evidence.
    evidence: Vec<Uuid>,
}

/// Outcome of all searches.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// One for each task, in order.
    pub(super) outcomes: Vec<Outcome>,
    /// Duration of each search.
    pub(super) latencies: Vec<Duration>,
    /// Number of searches answered without a component of the server.
    pub(super) degraded: usize,
}

/// Returns the questions with at least one stored piece of evidence.
pub(super) fn tasks<'a>(conversations: &'a [Conversation], stored: &'a Stored) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    for (conversation, contexts) in conversations.iter().zip(&stored.contexts) {
        for (index, question) in conversation.questions.iter().enumerate() {
            let ids = question.evidence.iter().filter_map(|turn| contexts.get(turn));
            let evidence: Vec<_> = ids.copied().collect();
            if !evidence.is_empty() {
                tasks.push(Task {
                    conversation: &conversation.id,
                    index,
                    question,
                    evidence,
                });
            }
        }
    }
    tasks
}

/// Runs all searches of all tasks.
///
/// # Errors
/// At the first search that fails.
pub(super) async fn ask_all(
    client: &Client,
    tasks: &[Task<'_>],
    mode: SearchMode,
    bar: &ProgressBar,
) -> Result<Answers> {
    let answered = stream::iter(tasks).map(|task| async move {
        let answer = ask(client, task, mode).await;
        bar.inc(1);
        answer.with_context(|| format!("question {} of {}", task.index, task.conversation))
    });
    let mut all = Answers::default();
    // `buffered` keeps the order, so the report does not depend on which search was faster.
    let mut answered = std::pin::pin!(answered.buffered(IN_FLIGHT));
    while let Some(mut one) = answered.try_next().await? {
        all.outcomes.append(&mut one.outcomes);
        all.latencies.append(&mut one.latencies);
        all.degraded += one.degraded;
    }
    bar.finish_and_clear();
    Ok(all)
}

async fn ask(client: &Client, task: &Task<'_>, mode: SearchMode) -> Result<Answers> {
    let mut answers = Answers::default();
    let request = |limit, max_tokens| SearchRequest {
        query: task.question.text.clone(),
        mode,
        filter: Some(Filter {
            user_id: Some(task.conversation.to_owned()),
            ..Filter::default()
        }),
        limit,
        max_tokens,
        ..SearchRequest::default()
    };
    let (ranked, took) = search(client, &request(Some(LIMIT), None)).await?;
    answers.count(&ranked, took);
    let ranks = ranks(&task.evidence, &ranked);
    let mut within = [0; BUDGETS.len()];
    for (found, budget) in within.iter_mut().zip(BUDGETS) {
        let (selected, took) = search(client, &request(None, Some(budget))).await?;
        answers.count(&selected, took);
        *found = self::ranks(&task.evidence, &selected).iter().flatten().count();
    }
    answers.outcomes.push(Outcome {
        conversation: task.conversation.to_owned(),
        question: task.index,
        category: task.question.category,
        ranks,
        within,
    });
    Ok(answers)
}

impl Answers {
    fn count(&mut self, found: &SearchResponse, took: Duration) {
        self.latencies.push(took);
        self.degraded += usize::from(!found.degraded.is_empty());
    }
}

/// Returns the rank of each piece of evidence, from 1.
fn ranks(evidence: &[Uuid], found: &SearchResponse) -> Ranks {
    evidence.iter().map(|id| rank_of(found, *id)).collect()
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
        assert_eq!(
            (tasks[0].index, tasks[0].evidence.as_slice()),
            (1, [Uuid::nil()].as_slice())
        );
    }
}
