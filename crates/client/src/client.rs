//! The client: one method for each route, under its name in the OpenAPI document.

use std::borrow::Cow;
use std::io;

use context_manager_resilience::Deadline;
use futures::{Stream, stream};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Body, Method};
use serde_json::value::to_raw_value;
use uuid::Uuid;

use crate::call::{Caller, Operation, Repeat};
use crate::events::events;
use crate::pages::{ListContexts, Page, items};
use crate::wire::{
    AssembleRequest, AssembleResponse, BatchAnswer, BatchBody, ClearBody, Context, ContextPage, ContextPatch,
    DeleteBody, Deleted, DocumentBody, DocumentPage, DocumentSummary, Event, FileCommand, FileResult, ForgottenUser,
    GcReport, GcRequest, Health, HealthAnswer, History, Import, LogFilter, MessageList, MessagesBody, NewContext,
    PoppedMessage, Reembedding, Restore, Restored, ScopePage, SearchRequest, SearchResponse, Session, SessionPage,
    Snapshot, SnapshotList, Stats, StoredDocument, VerifiedSnapshot, Written,
};
use crate::{Config, Error};

macro_rules! operations {
    ($($name:ident: $method:ident $path:literal $repeat:ident $long:literal;)*) => {
        $(const $name: &Operation = &Operation {
            #[cfg(test)]
            id: stringify!($name),
            method: Method::$method,
            path: $path,
            repeat: Repeat::$repeat,
            long: $long,
        };)*

        #[cfg(test)]
        const ALL: &[&Operation] = &[$($name),*];
    };
}

operations! {
    STORE_CONTEXT: POST "/api/v1/contexts" Always false;
    STORE_CONTEXTS: POST "/api/v1/contexts/batch" Always false;
    LIST_CONTEXTS: GET "/api/v1/contexts" Always false;
    GET_CONTEXT: GET "/api/v1/contexts/{id}" Always false;
    UPDATE_CONTEXT: PATCH "/api/v1/contexts/{id}" Always false;
    DELETE_CONTEXT: DELETE "/api/v1/contexts/{id}" Always false;
    STORE_CONTEXT_BY_KEY: PUT "/api/v1/contexts/by-key" Always false;
    GET_CONTEXT_BY_KEY: GET "/api/v1/contexts/by-key" Always false;
    DELETE_CONTEXT_BY_KEY: DELETE "/api/v1/contexts/by-key" Always false;
    GET_CONTEXT_HISTORY: GET "/api/v1/contexts/{id}/history" Always false;
    UNDO_CONTEXT: POST "/api/v1/contexts/{id}/undo" IfNotBegun false;
    SEARCH_CONTEXTS: POST "/api/v1/contexts/search" Always false;
    ASSEMBLE_CONTEXTS: POST "/api/v1/contexts/assemble" Always false;
    DELETE_CONTEXTS: POST "/api/v1/contexts/delete" Always false;
    CLEAR_CONTEXTS: POST "/api/v1/contexts/clear" Always false;
    LIST_SESSIONS: GET "/api/v1/sessions" Always false;
    DELETE_SESSION: DELETE "/api/v1/sessions/{session_id}" Always false;
    STORE_MESSAGES: POST "/api/v1/sessions/{session_id}/messages" IfNotBegun false;
    LIST_MESSAGES: GET "/api/v1/sessions/{session_id}/messages" Always false;
    POP_MESSAGE: POST "/api/v1/sessions/{session_id}/messages/pop" IfNotBegun false;
    CLEAR_MESSAGES: DELETE "/api/v1/sessions/{session_id}/messages" Always false;
    LIST_SCOPES: GET "/api/v1/scopes" Always false;
    FORGET_SCOPE: DELETE "/api/v1/scopes" Always true;
    STORE_DOCUMENT: POST "/api/v1/documents" Always true;
    LIST_DOCUMENTS: GET "/api/v1/documents" Always false;
    GET_DOCUMENT: GET "/api/v1/documents/{id}" Always false;
    DELETE_DOCUMENT: DELETE "/api/v1/documents/{id}" Always false;
    RUN_FILE_COMMAND: POST "/api/v1/files" IfNotBegun false;
    STREAM_EVENTS: GET "/api/v1/events" Always false;
    FORGET_USER: DELETE "/api/v1/users/{user_id}" Always true;
    GET_STATS: GET "/api/v1/stats" Always false;
    EXPORT_CONTEXTS: GET "/api/v1/admin/export" Always true;
    IMPORT_CONTEXTS: POST "/api/v1/admin/import" IfNotBegun true;
    COLLECT_GARBAGE: POST "/api/v1/admin/gc" IfNotBegun true;
    CREATE_SNAPSHOT: POST "/api/v1/admin/snapshots" IfNotBegun true;
    LIST_SNAPSHOTS: GET "/api/v1/admin/snapshots" Always true;
    VERIFY_SNAPSHOT: POST "/api/v1/admin/snapshots/{name}/verify" Always true;
    RESTORE_SNAPSHOT: POST "/api/v1/admin/snapshots/{name}/restore" IfNotBegun true;
    START_REEMBEDDING: POST "/api/v1/admin/reembed" Always false;
    GET_REEMBEDDING: GET "/api/v1/admin/reembed" Always false;
    DISCARD_REEMBEDDING: DELETE "/api/v1/admin/reembed" Always false;
    GET_LOG_FILTER: GET "/api/v1/admin/log-filter" Always false;
    SET_LOG_FILTER: PUT "/api/v1/admin/log-filter" Always false;
    GET_HEALTH: GET "/health" Always false;
    GET_LIVENESS: GET "/health/live" Always false;
    GET_READINESS: GET "/health/ready" Always false;
    GET_METRICS: GET "/metrics" Always false;
}

/// Client of a server. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Caller);

/// Every method returns an [`Error`] when the server refuses the call or cannot be reached, or when the deadline passes.
///
/// Failed connections and the statuses 429, 502, 503 and 504 are retried, after `Retry-After` where the server sends it.
/// Writes are retried as well where their repetition leaves the same state: contexts are stored under an id of the
/// client's making, for one. Numbers of deleted contexts are those of the last attempt. `collect_garbage`,
/// `create_snapshot` and `restore_snapshot` are retried only when the server did not begin; exports and imports are
/// streams, which are not retried.
#[expect(clippy::missing_errors_doc, reason = "stated for all methods above")]
impl Client {
    /// Prepares calls to the server at this URL, such as `http://127.0.0.1:8080`; none is made yet.
    pub fn new(url: &str, config: Config) -> Result<Self, Error> {
        Ok(Self(Caller::new(url, config)?))
    }

    /// Returns the URL of the server.
    pub fn url(&self) -> &str {
        self.0.base().as_str()
    }

    /// Stores a context.
    pub async fn store_context(&self, context: &NewContext) -> Result<Written, Error> {
        let call = self.0.call(STORE_CONTEXT, "").json(&with_id(context))?;
        self.0.fetch(call).await
    }

    /// Stores up to 1,000 contexts and returns one outcome for each, in the same order.
    pub async fn store_contexts(&self, contexts: &[NewContext]) -> Result<BatchAnswer, Error> {
        let contexts = contexts.iter().map(|context| to_raw_value(&with_id(context)));
        let body = BatchBody {
            contexts: contexts.collect::<Result<_, _>>()?,
        };
        let call = self.0.call(STORE_CONTEXTS, "").json(&body)?;
        self.0.fetch(call).await
    }

    /// Returns a page of contexts, newest first.
    pub async fn list_contexts(&self, list: &ListContexts) -> Result<ContextPage, Error> {
        self.0.fetch(self.0.call(LIST_CONTEXTS, "").query(list.query())).await
    }

    /// Returns contexts from all pages, newest first. An error ends the stream.
    pub fn contexts(&self, list: ListContexts) -> impl Stream<Item = Result<Context, Error>> + Send + '_ {
        items(list.page.clone(), move |page| {
            let list = ListContexts { page, ..list.clone() };
            async move {
                let page = self.list_contexts(&list).await?;
                Ok((page.contexts, page.next_cursor))
            }
        })
    }

    /// Returns a context.
    pub async fn get_context(&self, id: Uuid) -> Result<Context, Error> {
        self.0.fetch(self.0.call(GET_CONTEXT, &id.to_string())).await
    }

    /// Changes a context and returns it.
    pub async fn update_context(&self, id: Uuid, patch: &ContextPatch) -> Result<Written, Error> {
        let call = self.0.call(UPDATE_CONTEXT, &id.to_string()).json(patch)?;
        self.0.fetch(call).await
    }

    /// Deletes a context; one that does not exist is no error.
    pub async fn delete_context(&self, id: Uuid) -> Result<(), Error> {
        self.0.send(self.0.call(DELETE_CONTEXT, &id.to_string())).await?;
        Ok(())
    }

    /// Stores a context under its key, or replaces what is there.
    pub async fn store_context_by_key(&self, context: &NewContext) -> Result<Written, Error> {
        let call = self.0.call(STORE_CONTEXT_BY_KEY, "").json(context)?;
        self.0.fetch(call).await
    }

    /// Returns the context of a key; an error with the code `not_found` if there is none.
    pub async fn get_context_by_key(&self, scope: Option<&str>, key: &str) -> Result<Context, Error> {
        let call = self.0.call(GET_CONTEXT_BY_KEY, "").query(name(scope, key));
        self.0.fetch(call).await
    }

    /// Deletes the context of a key with its history; one that does not exist is no error.
    pub async fn delete_context_by_key(&self, scope: Option<&str>, key: &str) -> Result<(), Error> {
        let call = self.0.call(DELETE_CONTEXT_BY_KEY, "").query(name(scope, key));
        self.0.send(call).await?;
        Ok(())
    }

    /// Returns the versions of a context, newest first.
    pub async fn get_context_history(&self, id: Uuid) -> Result<History, Error> {
        self.0.fetch(self.0.call(GET_CONTEXT_HISTORY, &id.to_string())).await
    }

    /// Takes the last change of a context back and returns it.
    pub async fn undo_context(&self, id: Uuid) -> Result<Written, Error> {
        self.0.fetch(self.0.call(UNDO_CONTEXT, &id.to_string())).await
    }

    /// Searches.
    pub async fn search_contexts(&self, search: &SearchRequest) -> Result<SearchResponse, Error> {
        self.0.fetch(self.0.call(SEARCH_CONTEXTS, "").json(search)?).await
    }

    /// Searches and returns the result as one text for a prompt.
    pub async fn assemble_contexts(&self, request: &AssembleRequest) -> Result<AssembleResponse, Error> {
        self.0.fetch(self.0.call(ASSEMBLE_CONTEXTS, "").json(request)?).await
    }

    /// Deletes contexts by ids or by a filter.
    pub async fn delete_contexts(&self, body: &DeleteBody) -> Result<Deleted, Error> {
        self.0.fetch(self.0.call(DELETE_CONTEXTS, "").json(body)?).await
    }

    /// Deletes the contexts of a level.
    pub async fn clear_contexts(&self, body: &ClearBody) -> Result<Deleted, Error> {
        self.0.fetch(self.0.call(CLEAR_CONTEXTS, "").json(body)?).await
    }

    /// Returns a page of conversations, by id.
    pub async fn list_sessions(&self, page: &Page) -> Result<SessionPage, Error> {
        self.0.fetch(self.0.call(LIST_SESSIONS, "").query(page.query())).await
    }

    /// Returns conversations from all pages, by id. An error ends the stream.
    pub fn sessions(&self, page: Page) -> impl Stream<Item = Result<Session, Error>> + Send + '_ {
        items(page, move |page| async move {
            let page = self.list_sessions(&page).await?;
            Ok((page.sessions, page.next_cursor))
        })
    }

    /// Deletes the contexts of a conversation.
    pub async fn delete_session(&self, session_id: &str) -> Result<Deleted, Error> {
        self.0.fetch(self.0.call(DELETE_SESSION, session_id)).await
    }

    /// Adds messages to a conversation and returns one outcome for each, in the same order.
    ///
    /// Messages with a UUID as `id` can be sent again; others would be added twice.
    pub async fn store_messages(&self, session_id: &str, body: &MessagesBody) -> Result<BatchAnswer, Error> {
        self.0.fetch(self.0.call(STORE_MESSAGES, session_id).json(body)?).await
    }

    /// Returns the newest messages of a conversation, oldest first.
    pub async fn list_messages(
        &self,
        session_id: &str,
        limit: Option<u32>,
        max_tokens: Option<u32>,
    ) -> Result<MessageList, Error> {
        let query = [
            ("limit", limit.map(|limit| limit.to_string())),
            ("max_tokens", max_tokens.map(|tokens| tokens.to_string())),
        ];
        self.0.fetch(self.0.call(LIST_MESSAGES, session_id).query(query)).await
    }

    /// Takes the newest message of a conversation away and returns it.
    pub async fn pop_message(&self, session_id: &str) -> Result<PoppedMessage, Error> {
        self.0.fetch(self.0.call(POP_MESSAGE, session_id)).await
    }

    /// Deletes the messages of a conversation.
    pub async fn clear_messages(&self, session_id: &str) -> Result<Deleted, Error> {
        self.0.fetch(self.0.call(CLEAR_MESSAGES, session_id)).await
    }

    /// Runs a command of the memory tool. A refused command is a result too.
    pub async fn run_file_command(&self, command: &FileCommand) -> Result<FileResult, Error> {
        let call = self.0.call(RUN_FILE_COMMAND, "").json(command)?;
        self.0.fetch(call).await
    }

    /// Returns a page of scopes, by path: those at or below `prefix`, cut to `depth` segments below it.
    pub async fn list_scopes(&self, prefix: Option<&str>, depth: Option<u32>, page: &Page) -> Result<ScopePage, Error> {
        let query = [
            ("prefix", prefix.map(str::to_owned)),
            ("depth", depth.map(|depth| depth.to_string())),
        ];
        let call = self
            .0
            .call(LIST_SCOPES, "")
            .query(query.into_iter().chain(page.query()));
        self.0.fetch(call).await
    }

    /// Deletes everything in a scope and below it.
    pub async fn forget_scope(&self, prefix: &str) -> Result<ForgottenUser, Error> {
        let call = self
            .0
            .call(FORGET_SCOPE, "")
            .query([("prefix", Some(prefix.to_owned()))]);
        self.0.fetch(call).await
    }

    /// Stores a document, or replaces the one with its id. Without an id, a repetition after a failure may store it twice.
    pub async fn store_document(&self, document: &DocumentBody) -> Result<StoredDocument, Error> {
        self.0.fetch(self.0.call(STORE_DOCUMENT, "").json(document)?).await
    }

    /// Returns a page of documents, newest first.
    pub async fn list_documents(
        &self,
        user_id: Option<&str>,
        scope_prefix: Option<&str>,
        page: &Page,
    ) -> Result<DocumentPage, Error> {
        let query = [
            ("user_id", user_id.map(str::to_owned)),
            ("scope_prefix", scope_prefix.map(str::to_owned)),
        ];
        let call = self
            .0
            .call(LIST_DOCUMENTS, "")
            .query(query.into_iter().chain(page.query()));
        self.0.fetch(call).await
    }

    /// Returns the summary of a document.
    pub async fn get_document(&self, id: &str) -> Result<DocumentSummary, Error> {
        self.0.fetch(self.0.call(GET_DOCUMENT, id)).await
    }

    /// Deletes a document.
    pub async fn delete_document(&self, id: &str) -> Result<Deleted, Error> {
        self.0.fetch(self.0.call(DELETE_DOCUMENT, id)).await
    }

    /// Follows the writes to the tenant's contexts, from now on or from behind the event with the id `after`.
    ///
    /// The stream ends after some minutes; resume it from the last event. An error ends it, too.
    pub async fn stream_events(
        &self,
        after: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Event, Error>> + Send + use<>, Error> {
        let call = self
            .0
            .call(STREAM_EVENTS, "")
            .query([("after", after.map(str::to_owned))]);
        let request = self.0.stream(call);
        let limit = self.0.limit(STREAM_EVENTS);
        let response = Deadline::after(limit).run(self.0.respond(request)).await;
        let response = response.map_err(|_late| self.0.late(limit))??;
        Ok(events(self.url().to_owned(), response))
    }

    /// Deletes everything about a user.
    pub async fn forget_user(&self, user_id: &str) -> Result<ForgottenUser, Error> {
        self.0.fetch(self.0.call(FORGET_USER, user_id)).await
    }

    /// Returns counts of the tenant's contexts.
    pub async fn get_stats(&self) -> Result<Stats, Error> {
        self.0.fetch(self.0.call(GET_STATS, "")).await
    }

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

fn name(scope: Option<&str>, key: &str) -> [(&'static str, Option<String>); 2] {
    [("scope", scope.map(str::to_owned)), ("key", Some(key.to_owned()))]
}

/// The context with an id, so that storing it twice stores it once.
fn with_id(context: &NewContext) -> Cow<'_, NewContext> {
    // What stands under a key has an id already, and storing it twice changes nothing.
    if context.id.is_some() || context.key.is_some() {
        return Cow::Borrowed(context);
    }
    Cow::Owned(NewContext {
        id: Some(Uuid::now_v7()),
        ..context.clone()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_operation_of_the_api_has_a_method_of_its_name() {
        let document: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
        let mut documented = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                documented.insert((id.to_owned(), method.to_uppercase(), path.clone()));
            }
        }
        let known = ALL.iter().map(|operation| {
            let id = operation.id.to_lowercase();
            assert!(
                include_str!("client.rs").contains(&format!("pub async fn {id}(")),
                "{id}"
            );
            (id, operation.method.to_string(), operation.path.to_owned())
        });
        assert_eq!(known.collect::<BTreeSet<_>>(), documented);
    }
}
