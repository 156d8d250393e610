//! Storing of a set, and searches for its questions.

use anyhow::Result;
use context_manager_client::Client;
use context_manager_client::wire::{Filter, NewContext, SearchRequest, Written};
use uuid::Uuid;

use super::dataset::{Question, Set};
use crate::eval::calls::{self, Asker, bar};
use crate::eval::outcome::Outcome;

/// Length of the ranked list: long enough to count tokens up to a late answer.
const LIMIT: usize = 50;

/// Outcomes of a set's questions in one mode.
pub(super) struct Answers {
    pub(super) mode: String,
    pub(super) answerable: Vec<Outcome>,
    /// Questions of this set that no memory answers.
    pub(super) unanswerable: Vec<Outcome>,
    /// Questions of other sets.
    pub(super) off_topic: Vec<Outcome>,
}

/// Stores the memories of a set and returns the ids of their contexts, in order.
///
/// # Errors
/// When one is refused.
pub(super) async fn store(client: &Client, set: &Set) -> Result<Vec<Uuid>> {
    let contexts = contexts(set);
    let bar = bar(contexts.len());
    let written = calls::store(client, &contexts, &bar).await?;
    bar.finish_and_clear();
    Ok(written.iter().map(Written::id).collect())
}

fn contexts(set: &Set) -> Vec<NewContext> {
    let context = |memory: &super::dataset::Memory| NewContext {
        text: memory.text.clone(),
        level: Some(memory.level),
        user_id: Some(set.name.clone()),
        // Each set numbers its sessions from 1, and session ids are one space for all users.
        session_id: memory.session.as_ref().map(|session| format!("{}-{session}", set.name)),
        occurred_at: Some(memory.occurred_at.0.into()),
        ..NewContext::default()
    };
    set.memories.iter().map(context).collect()
}

/// Returns the questions of the other sets in this language.
pub(super) fn off_topic<'a>(set: &Set, sets: &'a [Set]) -> Vec<&'a str> {
    let others = sets
        .iter()
        .filter(|other| other.name != set.name && other.language == set.language);
    others
        .flat_map(|other| &other.questions)
        .map(|question| question.text.as_str())
        .collect()
}

/// Asks the questions of a set, those it does not answer, and others.
///
/// # Errors
/// At the first search that fails.
pub(super) async fn ask(asker: &Asker<'_>, set: &Set, ids: &[Uuid], off_topic: &[&str]) -> Result<Answers> {
    let bar = bar(set.questions.len() + set.unanswerable.len() + off_topic.len());
    let search = async |kind: &str, question: &str, answers: Vec<Uuid>| {
        let request = SearchRequest {
            query: question.to_owned(),
            limit: Some(LIMIT),
            filter: Some(Filter {
                user_id: Some(set.name.clone()),
                ..Filter::default()
            }),
            ..SearchRequest::default()
        };
        Ok(Outcome {
            mode: asker.mode(),
            of: set.name.clone(),
            kind: kind.to_owned(),
            question: question.to_owned(),
            ..Outcome::of(&answers, &asker.search(request).await?)
        })
    };
    let answers = |question: &Question| set.answers(question).into_iter().map(|index| ids[index]).collect();
    let answerable = asker.ask_all(&set.questions, &bar, async |question| {
        search(&question.kind, &question.text, answers(question)).await
    });
    let answerable = answerable.await?;
    let unanswerable = asker.ask_all(&set.unanswerable, &bar, async |question| {
        search("unanswerable", question, Vec::new()).await
    });
    let unanswerable = unanswerable.await?;
    let off_topic = asker.ask_all(off_topic, &bar, async |question| {
        search("off-topic", question, Vec::new()).await
    });
    let off_topic = off_topic.await?;
    bar.finish_and_clear();
    Ok(Answers {
        mode: asker.mode(),
        answerable,
        unanswerable,
        off_topic,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::eval::notes::dataset::{example, load};

    fn sets(questions: &serde_json::Value) -> Vec<Set> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), example(questions)).unwrap();
        load(file.path()).unwrap()
    }

    #[test]
    fn a_memory_becomes_a_context_of_its_user_and_session() {
        let contexts = contexts(&sets(&json!([]))[0]);
        let expected = json!({
            "text": "It is red.", "level": "long_term", "user_id": "diary", "session_id": "diary-s1",
            "occurred_at": "2026-01-04T08:00:00.000Z",
        });
        assert_eq!(serde_json::to_value(&contexts[1]).unwrap(), expected);
        assert_eq!(contexts[0].session_id, None);
    }

    #[test]
    fn off_topic_are_the_questions_of_other_sets_in_the_same_language() {
        let mut all = Vec::new();
        for (name, language) in [("a", "en"), ("b", "en"), ("c", "de")] {
            let question = json!({"q": format!("What of {name}?"), "relevant": ["m1"], "type": "single"});
            let mut set = sets(&json!([question])).remove(0);
            (set.name, set.language) = (name.to_owned(), language.to_owned());
            all.push(set);
        }
        assert_eq!(off_topic(&all[0], &all), ["What of b?"]);
        assert!(off_topic(&all[2], &all).is_empty());
    }
}
