//! Calls of operators: exports, garbage collection, snapshots, models, logs, health.

use std::io;

use context_manager_resilience::Deadline;
use futures::{Stream, stream};
use reqwest::Body;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};

use crate::operations::{
    COLLECT_GARBAGE, CREATE_KEY, CREATE_SNAPSHOT, DISCARD_REEMBEDDING, EXPORT_CONTEXTS, GET_HEALTH, GET_LIVENESS,
    GET_LOG_FILTER, GET_METRICS, GET_READINESS, GET_REEMBEDDING, IMPORT_CONTEXTS, LIST_AUDIT, LIST_KEYS,
    LIST_SNAPSHOTS, RESTORE_SNAPSHOT, REVOKE_KEY, ROTATE_KEY, SET_LOG_FILTER, START_REEMBEDDING, VERIFY_SNAPSHOT,
};
use crate::wire::{
    AuditList, CreateKey, CreatedKey, GcReport, GcRequest, Health, HealthAnswer, Import, Key, KeyList, LogFilter,
    Reembedding, Restore, Restored, RotateKey, Snapshot, SnapshotList, VerifiedSnapshot,
};
use crate::{Client, Error};

/// Errors are those of all calls.
#[expect(clippy::missing_errors_doc, reason = "stated for all methods of the client")]
impl Client {
    /// Returns the bytes of an export as they arrive, compressed with gzip if `gzip` says so.
    ///
    /// Each piece has the duration of a long call; an export without a trailer was cut short.
    pub async fn export_contexts(
        &self,
        vectors: bool,
        gzip: bool,
    ) -> Result<impl Stream<Item = Result<Vec<u8>, Error>> + Send + use<>, Error> {
        let call = self
            .0
            .call(EXPORT_CONTEXTS, "")
            .query([("vectors", Some(vectors.to_string()))]);
        let coding = if gzip { "gzip" } else { "identity" };
        let request = self.0.stream(call).header(ACCEPT_ENCODING, coding);
        let limit = self.0.limit(EXPORT_CONTEXTS);
        let late = |_late| self.0.late(limit);
        let response = Deadline::after(limit)
            .run(self.0.respond(request))
            .await
            .map_err(late)??;
        let caller = self.0.clone();
        Ok(stream::try_unfold(
            (response, caller),
            move |(mut response, caller)| async move {
                match Deadline::after(limit).run(response.chunk()).await {
                    Ok(Ok(chunk)) => Ok(chunk.map(|chunk| (chunk.into(), (response, caller)))),
                    Ok(Err(error)) => Err(caller.unreachable(error)),
                    Err(_late) => Err(caller.late(limit)),
                }
            },
        ))
    }

    /// Imports the bytes of an export, compressed with gzip if `gzip` says so.
    pub async fn import_contexts(
        &self,
        bytes: impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static,
        gzip: bool,
    ) -> Result<Import, Error> {
        let request = self.0.stream(self.0.call(IMPORT_CONTEXTS, ""));
        let mut request = request
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(Body::wrap_stream(bytes));
        if gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let limit = self.0.limit(IMPORT_CONTEXTS);
        let whole = async {
            let response = self.0.respond(request).await?;
            response.bytes().await.map_err(|error| self.0.unreachable(error))
        };
        let body = Deadline::after(limit)
            .run(whole)
            .await
            .map_err(|_late| self.0.late(limit))??;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Runs garbage collection.
    pub async fn collect_garbage(&self, request: &GcRequest) -> Result<GcReport, Error> {
        self.0.fetch(self.0.call(COLLECT_GARBAGE, "").json(request)?).await
    }

    /// Makes a snapshot.
    pub async fn create_snapshot(&self) -> Result<Snapshot, Error> {
        self.0.fetch(self.0.call(CREATE_SNAPSHOT, "")).await
    }

    /// Returns all snapshots, newest first.
    pub async fn list_snapshots(&self) -> Result<SnapshotList, Error> {
        self.0.fetch(self.0.call(LIST_SNAPSHOTS, "")).await
    }

    /// Verifies a snapshot.
    pub async fn verify_snapshot(&self, name: &str) -> Result<VerifiedSnapshot, Error> {
        self.0.fetch(self.0.call(VERIFY_SNAPSHOT, name)).await
    }

    /// Restores a snapshot.
    pub async fn restore_snapshot(&self, name: &str, options: &Restore) -> Result<Restored, Error> {
        self.0.fetch(self.0.call(RESTORE_SNAPSHOT, name).json(options)?).await
    }

    /// Begins to change the embedding model, or resumes a change.
    pub async fn start_reembedding(&self) -> Result<Reembedding, Error> {
        self.0.fetch(self.0.call(START_REEMBEDDING, "")).await
    }

    /// Returns the state of a change of the embedding model.
    pub async fn get_reembedding(&self) -> Result<Reembedding, Error> {
        self.0.fetch(self.0.call(GET_REEMBEDDING, "")).await
    }

    /// Stops a change of the embedding model and removes the vectors of the model that is not in use.
    pub async fn discard_reembedding(&self) -> Result<(), Error> {
        self.0.send(self.0.call(DISCARD_REEMBEDDING, "")).await?;
        Ok(())
    }

    /// Returns the filter of the server's log.
    pub async fn get_log_filter(&self) -> Result<LogFilter, Error> {
        self.0.fetch(self.0.call(GET_LOG_FILTER, "")).await
    }

    /// Changes the filter of the server's log until its end.
    pub async fn set_log_filter(&self, filter: &LogFilter) -> Result<LogFilter, Error> {
        self.0.fetch(self.0.call(SET_LOG_FILTER, "").json(filter)?).await
    }

    /// Returns every key of the server's file.
    pub async fn list_keys(&self) -> Result<KeyList, Error> {
        self.0.fetch(self.0.call(LIST_KEYS, "")).await
    }

    /// Creates a key.
    pub async fn create_key(&self, key: &CreateKey) -> Result<CreatedKey, Error> {
        self.0.fetch(self.0.call(CREATE_KEY, "").json(key)?).await
    }

    /// Creates a key with the same permissions, and lets the old one expire.
    pub async fn rotate_key(&self, id: &str, times: &RotateKey) -> Result<CreatedKey, Error> {
        self.0.fetch(self.0.call(ROTATE_KEY, id).json(times)?).await
    }

    /// Revokes a key.
    pub async fn revoke_key(&self, id: &str) -> Result<Key, Error> {
        self.0.fetch(self.0.call(REVOKE_KEY, id)).await
    }

    /// Returns the last audited calls, newest first. Default at most 100, maximum 1,000.
    pub async fn list_audit(&self, limit: Option<u32>) -> Result<AuditList, Error> {
        let call = self.0.call(LIST_AUDIT, "");
        self.0
            .fetch(call.query([("limit", limit.map(|limit| limit.to_string()))]))
            .await
    }

    /// Returns the health of the server and its components; `fresh` checks them now.
    pub async fn get_health(&self, fresh: bool) -> Result<Health, Error> {
        let call = self.0.call(GET_HEALTH, "");
        self.0
            .fetch(call.query([("fresh", fresh.then(|| true.to_string()))]))
            .await
    }

    /// Returns whether the process runs.
    pub async fn get_liveness(&self) -> Result<HealthAnswer, Error> {
        self.0.fetch(self.0.call(GET_LIVENESS, "")).await
    }

    /// Returns whether the server can serve requests; an error if not.
    pub async fn get_readiness(&self) -> Result<HealthAnswer, Error> {
        self.0.fetch(self.0.call(GET_READINESS, "")).await
    }

    /// Returns the metrics of the server, in Prometheus's text format.
    pub async fn get_metrics(&self) -> Result<String, Error> {
        let text = self.0.send(self.0.call(GET_METRICS, "")).await?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
