//! The calls of the HTTP API that measuring takes.
//!
//! [`Client::store_batch`] and [`Client::search`] are strict: any answer that the API does not promise is an error, as a
//! figure from half an answer would be worse than none. [`Client::send`] judges nothing: under load, a refusal is a
//! figure too.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use reqwest::{Body, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

/// Stores one context.
pub(crate) const STORE: &str = "/api/v1/contexts";
/// Stores many contexts.
pub(crate) const STORE_BATCH: &str = "/api/v1/contexts/batch";
/// Searches.
pub(crate) const SEARCH: &str = "/api/v1/contexts/search";

/// How long one call may take; the server's own limit is half of it by default.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The search modes of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// Meaning and words
    #[default]
    Hybrid,
    /// Meaning only
    Dense,
    /// Words only
    Lexical,
}

/// A server, by its address.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

/// The levels of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Level {
    /// The working memory of a session
    Immediate,
    /// Lives for a time
    ShortTerm,
    /// Lives until it is deleted
    #[default]
    LongTerm,
}

/// A context to store.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct NewContext {
    pub(crate) text: String,
    pub(crate) level: Level,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) occurred_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) importance: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl_secs: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<&'static str, String>,
}

/// Contexts to store with one call.
#[derive(Debug, Serialize)]
pub(crate) struct Batch<'a> {
    pub(crate) contexts: &'a [NewContext],
}

/// What became of one context of a batch.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchItem {
    /// 201 stored, 200 was there already, anything else refused.
    pub(crate) status: u16,
    pub(crate) context: Option<StoredContext>,
    pub(crate) error: Option<Value>,
}

/// What the evaluation needs of a stored context.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredContext {
    pub(crate) id: String,
    pub(crate) embedding_status: String,
}

/// A search.
#[derive(Debug, Serialize)]
pub(crate) struct Search<'a> {
    pub(crate) query: &'a str,
    pub(crate) mode: Mode,
    #[serde(skip_serializing_if = "Filter::is_empty")]
    pub(crate) filter: Filter<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
}

/// Which contexts a search may return; all of them when nothing is set.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Filter<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags_any: Vec<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<&'a str, &'a str>,
}

impl Filter<'_> {
    fn is_empty(&self) -> bool {
        self.user_id.is_none() && self.tags_any.is_empty() && self.metadata.is_empty()
    }
}

/// What a search returned.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    /// Best first.
    pub(crate) contexts: Vec<FoundContext>,
    total_tokens: u64,
    /// Names of the parts that were down.
    pub(crate) degraded: Vec<String>,
}

impl Found {
    /// The place of a context in the answer, from 1, or nothing if it is not there.
    pub(crate) fn rank_of(&self, id: &str) -> Option<usize> {
        let index = self.contexts.iter().position(|context| context.id == id);
        index.map(|index| index + 1)
    }
}

/// One context of a search's answer.
#[derive(Debug, Deserialize)]
pub(crate) struct FoundContext {
    pub(crate) id: String,
}

#[derive(Deserialize)]
struct BatchAnswer {
    results: Vec<BatchItem>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl BatchItem {
    /// The stored context, and whether it was there already.
    ///
    /// # Errors
    /// When the server refused it, with its problem.
    pub(crate) fn accepted(self) -> Result<(StoredContext, bool)> {
        match (self.status, self.context) {
            (status @ (200 | 201), Some(context)) => Ok((context, status == 200)),
            (status @ (200 | 201), None) => bail!("was answered {status} without its context"),
            (status, _) => bail!("was refused with {status}: {:#}", self.error.unwrap_or_default()),
        }
    }
}

impl Client {
    /// Prepares calls to the server at `url`; no call is made yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn new(url: &str) -> Result<Self> {
        // No proxy: it would be part of the latency.
        let http = super::http_client(TIMEOUT)?;
        Ok(Self {
            http,
            base: url.trim_end_matches('/').to_owned(),
        })
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Stores contexts and returns what became of each, in the same order.
    ///
    /// # Errors
    /// When the call fails or the answer does not hold one result for each context.
    pub(crate) async fn store_batch(&self, contexts: &[NewContext]) -> Result<Vec<BatchItem>> {
        let answer: BatchAnswer = self.post(STORE_BATCH, &Batch { contexts }).await?.0;
        let (sent, got) = (contexts.len(), answer.results.len());
        ensure!(
            sent == got,
            "{sent} contexts were sent in a batch and {got} results came back"
        );
        Ok(answer.results)
    }

    /// Searches, and tells how long that took from the request's first byte to the answer's last.
    ///
    /// # Errors
    /// When the call fails, or the answer holds more tokens than were asked for.
    pub(crate) async fn search(&self, search: &Search<'_>) -> Result<(Found, Duration)> {
        let (found, took): (Found, _) = self.post(SEARCH, search).await?;
        if let Some(most) = search.max_tokens {
            let tokens = found.total_tokens;
            ensure!(
                tokens <= u64::from(most),
                "a search with max_tokens {most} returned {tokens} tokens"
            );
        }
        Ok((found, took))
    }

    /// Reads what the server has recorded about itself, in Prometheus's text format.
    ///
    /// # Errors
    /// When there is no answer, or another one than 200.
    pub(crate) async fn metrics(&self) -> Result<String> {
        let url = format!("{}/metrics", self.base);
        let response = self.http.get(&url).send().await?.error_for_status()?;
        Ok(response.text().await?)
    }

    /// Posts JSON and returns the whole answer, whatever its status.
    ///
    /// # Errors
    /// When no answer comes, or it breaks off.
    pub(crate) async fn send(&self, path: &str, json: impl Into<Body>) -> Result<Answer, reqwest::Error> {
        let request = self
            .http
            .post(format!("{}{path}", self.base))
            .header(header::CONTENT_TYPE, "application/json")
            .body(json);
        let response = request.send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            body: response.bytes().await?.into(),
        })
    }

    async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<(A, Duration)> {
        let body = serde_json::to_vec(body)?;
        let start = Instant::now();
        let answer = self.send(path, body).await;
        let took = start.elapsed();
        let Answer { status, body } = answer.with_context(|| format!("{path} was not answered"))?;
        if status != StatusCode::OK {
            bail!("{path} answered {status}: {}", String::from_utf8_lossy(&body));
        }
        let answer = serde_json::from_slice(&body).with_context(|| format!("cannot read the answer of {path}"))?;
        Ok((answer, took))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn search_sends_only_what_is_set() {
        let search = Search {
            query: "q",
            mode: Mode::Hybrid,
            filter: Filter {
                user_id: Some("u"),
                ..Filter::default()
            },
            limit: None,
            max_tokens: Some(5),
        };
        let expected = json!({"query": "q", "mode": "hybrid", "filter": {"user_id": "u"}, "max_tokens": 5});
        assert_eq!(serde_json::to_value(search).unwrap(), expected);
    }

    #[test]
    fn empty_filter_is_not_sent() {
        let search = Search {
            query: "q",
            mode: Mode::Dense,
            filter: Filter::default(),
            limit: Some(1),
            max_tokens: None,
        };
        let expected = json!({"query": "q", "mode": "dense", "limit": 1});
        assert_eq!(serde_json::to_value(search).unwrap(), expected);
    }

    fn item(value: Value) -> BatchItem {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn stored_and_known_contexts_are_told_apart() {
        for (status, known) in [(201, false), (200, true)] {
            let context = json!({"id": "a", "embedding_status": "ready"});
            let accepted = item(json!({"status": status, "context": context})).accepted().unwrap();
            assert_eq!((accepted.0.id.as_str(), accepted.1), ("a", known));
        }
    }

    #[test]
    fn refusal_is_an_error_with_the_problem() {
        let refused = item(json!({"status": 413, "error": {"code": "payload_too_large"}}));
        let error = refused.accepted().unwrap_err().to_string();
        assert!(error.contains("413") && error.contains("payload_too_large"), "{error}");
    }

    #[test]
    fn success_without_a_context_is_an_error() {
        assert!(item(json!({"status": 201})).accepted().is_err());
    }
}
