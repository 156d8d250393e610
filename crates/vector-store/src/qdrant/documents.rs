//! Small documents that processes on a server share: a point for each, with its text and version.
//!
//! A process replaces a document by a compare-and-set of its version, and reads it back to learn whether it won.

use std::sync::Arc;

use async_trait::async_trait;
use context_manager_core::ports::{MAX_LISTED_DOCUMENTS, SharedDocument, SharedDocuments, StoreError, StoreErrorKind};
use futures::TryFutureExt;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Filter, UpdateMode, Value};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::agreements::Agreements;
use super::client::Client;
use super::collection;
use super::config::Config;
use super::failure::{Failure, RETRY_AFTER};
use super::filter;
use super::points::Payload;
use crate::conditions::Condition;
use crate::metrics::observed;
use crate::{Error, validate};

/// Keys of the kind and the name.
const KIND: &str = "kind";
const NAME: &str = "name";
/// Key of the version.
const VERSION: &str = "version";
/// Key of the earlier versions, latest first.
const EARLIER: &str = "earlier";
/// Key of the text.
const TEXT: &str = "text";

/// Number of earlier versions kept: as many processes may replace a document between a write and the read that confirms it.
const REMEMBERED: usize = 16;

/// Documents on a Qdrant server, beside the collection of contexts. Needs neither that collection nor a model, and connects
/// on first use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QdrantDocuments {
    client: Client,
    agreements: Agreements,
    /// Set once the server is known to support conditions of writes.
    checked: Arc<OnceCell<()>>,
}

impl QdrantDocuments {
    /// Prepares a connection to the server of `config`.
    ///
    /// # Errors
    /// [`Error`] when the settings cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let client = Client::new(config, None)?;
        Ok(Self {
            agreements: Agreements::beside(&client, config),
            client,
            checked: Arc::default(),
        })
    }

    /// Runs an operation on a server that is new enough, and records its duration and outcome.
    async fn call<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, StoreError> {
        let check = || collection::check_version(&self.client);
        let call = async {
            let checked = self.checked.get_or_try_init(check).await;
            checked.map_err(|error| unusable(operation, error))?;
            work.map_err(|failure| failure.into_store_error(operation)).await
        };
        observed(operation, call).await
    }
}

#[async_trait]
impl SharedDocuments for QdrantDocuments {
    async fn document_version(&self, kind: &str, name: &str) -> Result<Option<Uuid>, StoreError> {
        let read = async {
            let found = self.agreements.read_fields(id(kind, name), vec![VERSION]).await?;
            found.as_ref().map(version).transpose()
        };
        self.call("read_version", read).await
    }

    async fn document(&self, kind: &str, name: &str) -> Result<Option<SharedDocument>, StoreError> {
        let read = async {
            let fields = vec![VERSION, TEXT];
            let found = self.agreements.read_fields(id(kind, name), fields).await?;
            found.map(document).transpose()
        };
        self.call("read_document", read).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<(String, SharedDocument)>, StoreError> {
        let read = async {
            let of_kind = filter::all(&[Condition::Is(KIND, kind.to_owned())]);
            let fields = vec![NAME, VERSION, TEXT];
            let limit = u32::try_from(MAX_LISTED_DOCUMENTS).unwrap_or(u32::MAX);
            let found = self.agreements.list(of_kind, fields, limit).await?;
            let named = found.into_iter().map(|mut payload| {
                let name = text(payload.remove(NAME), "name of a document")?;
                Ok((name, document(payload)?))
            });
            named.collect()
        };
        self.call("list_documents", read).await
    }

    async fn replace_document(
        &self,
        kind: &str,
        name: &str,
        expected: Option<Uuid>,
        text: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        validate::document("replace_document", text)?;
        let payload = Payload::from([
            (KIND.to_owned(), Value::from(kind.to_owned())),
            (NAME.to_owned(), Value::from(name.to_owned())),
            (TEXT.to_owned(), Value::from(text.to_owned())),
        ]);
        // On the heap, as it holds several requests.
        let replace = Box::pin(replace(&self.agreements, id(kind, name), expected, payload));
        self.call("replace_document", replace).await
    }

    async fn delete_document(&self, kind: &str, name: &str) -> Result<(), StoreError> {
        let matching = filter::all(&[Condition::Points(vec![id(kind, name)])]);
        self.call("delete_document", self.agreements.delete(matching)).await
    }
}

/// Replaces a document of the version `expected` by one with this payload and a new version.
async fn replace(
    agreements: &Agreements,
    id: Uuid,
    expected: Option<Uuid>,
    mut payload: Payload,
) -> Result<Option<Uuid>, Failure> {
    let before = versions(agreements, id).await?;
    if before.first().copied() != expected {
        return Ok(None);
    }
    let new = Uuid::now_v7();
    let earlier: Vec<Value> = before.iter().take(REMEMBERED).map(value).collect();
    payload.insert(VERSION.to_owned(), value(&new));
    payload.insert(EARLIER.to_owned(), Value::from(earlier));
    let (mode, condition) = match expected {
        Some(version) => {
            let is_at = Condition::Is(VERSION, version.to_string());
            (UpdateMode::UpdateOnly, filter::all(&[is_at]))
        }
        None => (UpdateMode::InsertOnly, Filter::default()),
    };
    agreements.write_as(mode, id, payload, condition).await?;
    // A write whose condition is not met does nothing, without an error.
    let after = versions(agreements, id).await?;
    Ok(after.contains(&new).then_some(new))
}

fn document(mut payload: Payload) -> Result<SharedDocument, Failure> {
    let version = version(&payload)?;
    let text = text(payload.remove(TEXT), "text of a document")?;
    Ok(SharedDocument { version, text })
}

fn text(value: Option<Value>, what: &'static str) -> Result<String, Failure> {
    match value.and_then(|value| value.kind) {
        Some(Kind::StringValue(text)) => Ok(text),
        Some(_) | None => Err(Failure::Incomplete(what)),
    }
}

/// Returns the version of a document and the earlier ones, latest first.
async fn versions(agreements: &Agreements, id: Uuid) -> Result<Vec<Uuid>, Failure> {
    let Some(mut found) = agreements.read_fields(id, vec![VERSION, EARLIER]).await? else {
        return Ok(Vec::new());
    };
    let earlier = match found.remove(EARLIER).and_then(|value| value.kind) {
        Some(Kind::ListValue(list)) => list.values,
        Some(_) | None => Vec::new(),
    };
    let mut versions = vec![version(&found)?];
    versions.extend(earlier.iter().filter_map(uuid));
    Ok(versions)
}

fn version(payload: &Payload) -> Result<Uuid, Failure> {
    let version = payload.get(VERSION).and_then(uuid);
    version.ok_or(Failure::Incomplete("version of a document"))
}

fn uuid(value: &Value) -> Option<Uuid> {
    match &value.kind {
        Some(Kind::StringValue(text)) => text.parse().ok(),
        Some(_) | None => None,
    }
}

fn value(version: &Uuid) -> Value {
    Value::from(version.to_string())
}

fn id(kind: &str, name: &str) -> Uuid {
    let kind = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("documents of {kind}").as_bytes());
    Uuid::new_v5(&kind, name.as_bytes())
}

fn unusable(operation: &'static str, error: Error) -> StoreError {
    StoreError {
        operation,
        kind: if error.is_outage() {
            StoreErrorKind::Unavailable(Some(RETRY_AFTER))
        } else {
            StoreErrorKind::Internal
        },
        source: Some(Box::new(error)),
    }
}
