//! Contexts of a set, and questions asked of it.

use context_manager_client::wire::NewContext;
use uuid::Uuid;

use super::dataset::{Memory, Set};
use crate::eval::ask::{Plan, Task};

/// A ranked list long enough to count tokens up to a late answer.
pub(super) const PLAN: Plan = Plan {
    by_user: true,
    limit: 50,
    budgets: &[],
};
/// Kind of the questions of a set that none of its memories answers.
pub(super) const UNANSWERABLE: &str = "unanswerable";
/// Kind of the questions about other sets.
pub(super) const OFF_TOPIC: &str = "off-topic";

/// Returns the memories of a set as contexts of a user.
pub(super) fn contexts(set: &Set) -> Vec<NewContext> {
    let context = |memory: &Memory| NewContext {
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

/// Returns the questions of a set, whose memories became the contexts `ids`; those that it does not answer; and the
/// questions of other sets in its language.
pub(super) fn of<'a>(set: &'a Set, ids: &[Uuid], sets: &'a [Set]) -> Vec<Task<'a>> {
    let task = |kind: &str, question: &'a str, answers| Task {
        of: &set.name,
        kind: kind.to_owned(),
        question,
        answers,
    };
    let answered = set.questions.iter().map(|question| {
        let answers = set.answers(question).into_iter().map(|index| ids[index]);
        task(&question.kind, &question.text, answers.collect())
    });
    let unanswerable = set
        .unanswerable
        .iter()
        .map(|question| task(UNANSWERABLE, question, Vec::new()));
    let others = sets
        .iter()
        .filter(|other| other.name != set.name && other.language == set.language);
    let off_topic = others.flat_map(|other| &other.questions);
    let off_topic = off_topic.map(|question| task(OFF_TOPIC, &question.text, Vec::new()));
    answered.chain(unanswerable).chain(off_topic).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::eval::notes::dataset::{example, parse};

    fn sets(questions: &serde_json::Value) -> Vec<Set> {
        parse(&example(questions)).unwrap()
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
    fn a_set_is_asked_its_questions_and_those_of_others_in_its_language() {
        let mut all = Vec::new();
        for (name, language) in [("a", "en"), ("b", "en"), ("c", "de")] {
            let question = json!({"q": format!("What of {name}?"), "relevant": ["m1"], "type": "single"});
            let mut set = sets(&json!([question])).remove(0);
            (set.name, set.language) = (name.to_owned(), language.to_owned());
            all.push(set);
        }
        let ids = [1, 2].map(Uuid::from_u128);
        let asked = |set| {
            let tasks = of(set, &ids, &all).into_iter();
            tasks
                .map(|task| (task.kind, task.question.to_owned(), task.answers))
                .collect::<Vec<_>>()
        };
        let task =
            |kind: &str, question: &str, answers: &[Uuid]| (kind.to_owned(), question.to_owned(), answers.to_vec());
        let own = [
            task("single", "What of a?", &ids[1..]),
            task("unanswerable", "Who?", &[]),
        ];
        let others = [task("off-topic", "What of b?", &[])];
        assert_eq!(asked(&all[0]), [&own[..], &others].concat());
        assert_eq!(asked(&all[2]).len(), 2);
    }
}
