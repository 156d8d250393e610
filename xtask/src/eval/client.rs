//! The two calls of the HTTP API that the evaluation makes.
//!
//! Any answer that the API does not promise is an error: a figure from half an answer would be worse than none.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::Mode;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_mins(2);

/// A server, by its address.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
}

/// A context to store.
#[derive(Debug, Serialize)]
pub(super) struct NewContext {
    pub(super) text: String,
    pub(super) level: &'static str,
    pub(super) user_id: String,
    pub(super) session_id: String,
    pub(super) occurred_at: String,
    pub(super) metadata: Metadata,
}

/// The metadata of a stored turn.
#[derive(Debug, Serialize)]
pub(super) struct Metadata {
    /// The turn's id in the dataset.
    pub(super) dia_id: String,
}

/// What became of one context of a batch.
#[derive(Debug, Deserialize)]
pub(super) struct BatchItem {
    /// 201 stored, 200 was there already, anything else refused.
    pub(super) status: u16,
    pub(super) context: Option<StoredContext>,
    pub(super) error: Option<Value>,
}

/// What the evaluation needs of a stored context.
#[derive(Debug, Deserialize)]
pub(super) struct StoredContext {
    pub(super) id: String,
    pub(super) embedding_status: String,
}

/// A search within one user's contexts.
#[derive(Debug, Serialize)]
pub(super) struct Search<'a> {
    pub(super) query: &'a str,
    pub(super) mode: Mode,
    pub(super) filter: Filter<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u32>,
}

/// Which contexts a search may return.
#[derive(Debug, Serialize)]
pub(super) struct Filter<'a> {
    pub(super) user_id: &'a str,
}

/// What a search returned.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    /// Best first.
    pub(super) contexts: Vec<FoundContext>,
    total_tokens: u64,
    /// Names of the parts that were down.
    pub(super) degraded: Vec<String>,
}

/// One context of a search's answer.
#[derive(Debug, Deserialize)]
pub(super) struct FoundContext {
    pub(super) id: String,
}

#[derive(Serialize)]
struct Batch<'a> {
    contexts: &'a [NewContext],
}

#[derive(Deserialize)]
struct BatchAnswer {
    results: Vec<BatchItem>,
}

impl Client {
    /// Prepares calls to the server at `url`; no call is made yet.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(super) fn new(url: &str) -> Result<Self> {
        // No proxy: it would be part of the latency.
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self {
            http,
            base: url.trim_end_matches('/').to_owned(),
        })
    }

    /// Stores contexts and returns what became of each, in the same order.
    ///
    /// # Errors
    /// When the call fails or the answer does not hold one result for each context.
    pub(super) async fn store_batch(&self, contexts: &[NewContext]) -> Result<Vec<BatchItem>> {
        let answer: BatchAnswer = self.post("/api/v1/contexts/batch", &Batch { contexts }).await?.0;
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
    pub(super) async fn search(&self, search: &Search<'_>) -> Result<(Found, Duration)> {
        let (found, took): (Found, _) = self.post("/api/v1/contexts/search", search).await?;
        if let Some(most) = search.max_tokens {
            let tokens = found.total_tokens;
            ensure!(
                tokens <= u64::from(most),
                "a search with max_tokens {most} returned {tokens} tokens"
            );
        }
        Ok((found, took))
    }

    async fn post<A: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<(A, Duration)> {
        let url = format!("{}{path}", self.base);
        let request = self.http.post(&url).json(body);
        let start = Instant::now();
        let response = request.send().await.with_context(|| format!("no answer from {url}"))?;
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .with_context(|| format!("{url} broke off its answer"))?;
        let took = start.elapsed();
        if status != StatusCode::OK {
            bail!("{url} answered {status}: {}", String::from_utf8_lossy(&bytes));
        }
        let answer = serde_json::from_slice(&bytes).with_context(|| format!("cannot read the answer of {url}"))?;
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
            filter: Filter { user_id: "u" },
            limit: None,
            max_tokens: Some(5),
        };
        let expected = json!({"query": "q", "mode": "hybrid", "filter": {"user_id": "u"}, "max_tokens": 5});
        assert_eq!(serde_json::to_value(search).unwrap(), expected);
    }

    #[test]
    fn refused_batch_item_is_read_with_its_problem() {
        let item: BatchItem =
            serde_json::from_value(json!({"status": 400, "error": {"code": "invalid_request"}})).unwrap();
        assert_eq!(item.status, 400);
        assert!(item.context.is_none());
        assert_eq!(item.error.unwrap()["code"], "invalid_request");
    }
}
