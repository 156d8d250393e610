//! One request and what became of it.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::subject::client::Answer;

/// What is measured apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// Storing many contexts.
    Batch,
    /// Storing one context.
    Store,
    Search,
}

/// A request, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) kind: Kind,
    pub(super) path: &'static str,
    pub(super) body: Vec<u8>,
}

/// What an answer says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Contexts that were stored, or found.
    pub(super) contexts: u64,
    /// Contexts that were there already.
    pub(super) known: u64,
    /// Contexts that were stored without their vector, or searches answered without some part of the server.
    pub(super) degraded: u64,
    /// What went wrong: a status, or a word for the lack of one. None for a whole success.
    pub(super) errors: Vec<String>,
}

#[derive(Deserialize)]
struct Found {
    contexts: Vec<IgnoredAny>,
    degraded: Vec<String>,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    context: Option<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    embedding_status: String,
}

impl Verdict {
    /// Judges what came back, if anything did.
    pub(super) fn of(kind: Kind, answer: Result<Answer, reqwest::Error>) -> Self {
        match answer {
            Ok(Answer { status, body }) => Self::of_answer(kind, status, &body),
            Err(error) => Self::failed(no_answer(&error)),
        }
    }

    fn of_answer(kind: Kind, status: u16, body: &[u8]) -> Self {
        let read = match (kind, status) {
            (Kind::Search, 200) => serde_json::from_slice(body).map(|found| Self::of_search(&found)),
            (Kind::Batch, 200) => serde_json::from_slice(body).map(|results| Self::of_batch(&results)),
            (Kind::Store, 200 | 201) => serde_json::from_slice(body).map(|stored: Stored| {
                Self::of_item(&Item {
                    status,
                    context: Some(stored),
                })
            }),
            _ => return Self::failed(status.to_string()),
        };
        read.unwrap_or_else(|_| Self::failed("unreadable".to_owned()))
    }

    fn of_search(found: &Found) -> Self {
        Self {
            contexts: found.contexts.len() as u64,
            degraded: u64::from(!found.degraded.is_empty()),
            ..Self::default()
        }
    }

    fn of_batch(results: &Results) -> Self {
        let mut all = Self::default();
        for item in &results.results {
            let one = Self::of_item(item);
            all.contexts += one.contexts;
            all.known += one.known;
            all.degraded += one.degraded;
            all.errors
                .extend(one.errors.into_iter().map(|error| format!("item {error}")));
        }
        all
    }

    fn of_item(item: &Item) -> Self {
        let Some(stored) = &item.context else {
            return Self::failed(item.status.to_string());
        };
        Self {
            contexts: 1,
            known: u64::from(item.status == 200),
            degraded: u64::from(stored.embedding_status != "ready"),
            errors: Vec::new(),
        }
    }

    fn failed(error: String) -> Self {
        Self {
            errors: vec![error],
            ..Self::default()
        }
    }
}

/// A word for why there is no answer.
fn no_answer(error: &reqwest::Error) -> String {
    let word = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "no connection"
    } else {
        "broken off"
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn verdict(kind: Kind, status: u16, body: &Value) -> Verdict {
        Verdict::of_answer(kind, status, body.to_string().as_bytes())
    }

    #[test]
    fn found_contexts_and_degraded_searches_are_counted() {
        let body = json!({"contexts": [{"id": "a"}, {"id": "b"}], "total_tokens": 4, "degraded": ["embedding"]});
        let verdict = verdict(Kind::Search, 200, &body);
        assert_eq!((verdict.contexts, verdict.degraded, verdict.errors.len()), (2, 1, 0));
    }

    #[test]
    fn items_of_a_batch_are_judged_one_by_one() {
        let stored = json!({"id": "a", "embedding_status": "ready"});
        let pending = json!({"id": "b", "embedding_status": "pending"});
        let body = json!({"results": [
            {"status": 201, "context": stored}, {"status": 200, "context": stored},
            {"status": 201, "context": pending}, {"status": 503, "error": {"code": "service_unavailable"}},
        ]});
        let expected = Verdict {
            contexts: 3,
            known: 1,
            degraded: 1,
            errors: vec!["item 503".to_owned()],
        };
        assert_eq!(verdict(Kind::Batch, 200, &body), expected);
    }

    #[test]
    fn refused_and_unreadable_answers_are_errors() {
        let refused = verdict(Kind::Store, 503, &json!({"code": "service_unavailable"}));
        assert_eq!((refused.contexts, refused.errors), (0, vec!["503".to_owned()]));
        let unreadable = Verdict::of_answer(Kind::Search, 200, b"{\"contexts\": [");
        assert_eq!(unreadable.errors, ["unreadable"]);
        // A search is never created.
        assert_eq!(verdict(Kind::Search, 201, &json!({})).errors, ["201"]);
    }
}
