//! Asks every question that has evidence, and notes where the evidence came back.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use super::dataset::{Conversation, Question};
use super::metrics::{BUDGETS, Outcome};
use super::store::Stored;
use crate::eval::IN_FLIGHT;
use crate::subject::client::{Client, Filter, Found, Mode, Search};

/// Length of the ranked list that is asked for.
const LIMIT: u32 = 100;
/// Searches for one question: the ranked list, and one for each token budget.
pub(super) const SEARCHES: usize = 1 + BUDGETS.len();

/// A question with the contexts that ought to come back.
#[derive(Debug)]
pub(super) struct Task<'a> {
    conversation: &'a str,
    /// The question's place in its conversation, from 0.
    index: usize,
    question: &'a Question,
    /// Ids of the contexts that hold its evidence.
    evidence: Vec<&'a str>,
}

/// What all searches together brought.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// One for each task, in order.
    pub(super) outcomes: Vec<Outcome>,
    /// How long each search took.
    pub(super) latencies: Vec<Duration>,
    /// Searches that were answered without some part of the server.
    pub(super) degraded: usize,
}

/// The questions of which at least one piece of evidence was stored.
pub(super) fn tasks<'a>(conversations: &'a [Conversation], stored: &'a Stored) -> Vec<Task<'a>> {
    let mut tasks = Vec::new();
    for (conversation, contexts) in conversations.iter().zip(&stored.contexts) {
        for (index, question) in conversation.questions.iter().enumerate() {
            let ids = question.evidence.iter().filter_map(|turn| contexts.get(turn));
            let evidence: Vec<_> = ids.map(String::as_str).collect();
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

/// Makes all searches of all tasks.
///
/// # Errors
/// At the first search that fails.
pub(super) async fn ask_all(client: &Client, tasks: &[Task<'_>], mode: Mode, bar: &ProgressBar) -> Result<Answers> {
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

async fn ask(client: &Client, task: &Task<'_>, mode: Mode) -> Result<Answers> {
    let mut answers = Answers::default();
    let search = |limit, max_tokens| Search {
        query: &task.question.text,
        mode,
        filter: Filter {
            user_id: Some(task.conversation),
            ..Filter::default()
        },
        limit,
        max_tokens,
    };
    let (ranked, took) = client.search(&search(Some(LIMIT), None)).await?;
    answers.count(&ranked, took);
    let ranks = ranks(&task.evidence, &ranked);
    let mut within = [0; BUDGETS.len()];
    for (found, budget) in within.iter_mut().zip(BUDGETS) {
        let (selected, took) = client.search(&search(None, Some(budget))).await?;
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
    fn count(&mut self, found: &Found, took: Duration) {
        self.latencies.push(took);
        self.degraded += usize::from(!found.degraded.is_empty());
    }
}

/// For each piece of evidence its place in the answer, from 1, or nothing if it is not there.
fn ranks(evidence: &[&str], found: &Found) -> Vec<Option<usize>> {
    evidence.iter().map(|id| found.rank_of(id)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn rank_counts_from_one_and_missing_evidence_has_none() {
        let found = json!({"contexts": [{"id": "a"}, {"id": "b"}], "total_tokens": 2, "degraded": []});
        let found: Found = serde_json::from_value(found).unwrap();
        assert_eq!(ranks(&["b", "x", "a"], &found), [Some(2), None, Some(1)]);
    }

    #[test]
    fn only_questions_with_stored_evidence_are_asked() {
        let question = |evidence: &[&str]| json!({"question": "q", "category": 1, "evidence": evidence});
        let conversation: Conversation = serde_json::from_value(json!({
            "conversation_id": "c", "sessions": [],
            "questions": [question(&[]), question(&["D1:1", "D9:9"]), question(&["D9:9"])],
        }))
        .unwrap();
        let contexts = vec![HashMap::from([("D1:1".to_owned(), "id-1".to_owned())])];
        let stored = Stored {
            contexts,
            ..Stored::default()
        };
        let conversations = [conversation];
        let tasks = tasks(&conversations, &stored);
        assert_eq!(tasks.len(), 1);
        assert_eq!((tasks[0].index, tasks[0].evidence.as_slice()), (1, ["id-1"].as_slice()));
    }
}
