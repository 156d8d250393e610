//! The client: one method for each route, under its name in the OpenAPI document.

use std::borrow::Cow;

use context_manager_resilience::Deadline;
use futures::Stream;
use serde_json::value::to_raw_value;
use uuid::Uuid;

use crate::call::Caller;
use crate::events::events;
use crate::operations::{
    ASSEMBLE_CONTEXTS, CLEAR_CONTEXTS, CLEAR_MESSAGES, COUNT_CONTEXTS, DELETE_CONTEXT, DELETE_CONTEXT_BY_KEY,
    DELETE_CONTEXTS, DELETE_DOCUMENT, DELETE_SESSION, FORGET_SCOPE, FORGET_USER, GET_CALLER, GET_CONTEXT,
    GET_CONTEXT_BY_KEY, GET_CONTEXT_HISTORY, GET_DOCUMENT, GET_MAP, GET_STATS, LIST_CONTEXTS, LIST_DOCUMENTS,
    LIST_MESSAGES, LIST_SCOPES, LIST_SESSIONS, POP_MESSAGE, RUN_FILE_COMMAND, SEARCH_CONTEXTS, STORE_CONTEXT,
    STORE_CONTEXT_BY_KEY, STORE_CONTEXTS, STORE_DOCUMENT, STORE_MESSAGES, STREAM_EVENTS, UNDO_CONTEXT, UPDATE_CONTEXT,
};
use crate::pages::{ListContexts, Page, items};
use crate::wire::{
    self, AssembleRequest, AssembleResponse, BatchAnswer, BatchBody, ClearBody, Context, ContextMap, ContextPage,
    ContextPatch, CountBody, Counted, DeleteBody, Deleted, DocumentBody, DocumentPage, DocumentSummary, Event,
    FileCommand, FileResult, ForgottenUser, History, MessageList, MessagesBody, NewContext, PoppedMessage, ScopePage,
    SearchRequest, SearchResponse, Session, SessionPage, Stats, StoredDocument, Written,
};
use crate::{Config, Error};

/// Client of a server. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(pub(crate) Caller);

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

    /// Counts contexts.
    pub async fn count_contexts(&self, body: &CountBody) -> Result<Counted, Error> {
        self.0.fetch(self.0.call(COUNT_CONTEXTS, "").json(body)?).await
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

    /// Returns the caller, as the server knows it.
    pub async fn get_caller(&self) -> Result<wire::Caller, Error> {
        self.0.fetch(self.0.call(GET_CALLER, "")).await
    }

    /// Returns the newest contexts on a plane: at most 10,000, of those that `list` selects. Its cursor does not count.
    pub async fn get_map(&self, list: &ListContexts) -> Result<ContextMap, Error> {
        let conditions = list.query();
        let conditions = conditions.filter(|(name, _)| !["cursor", "include_superseded"].contains(name));
        self.0.fetch(self.0.call(GET_MAP, "").query(conditions)).await
    }

    /// Returns counts of the tenant's contexts.
    pub async fn get_stats(&self) -> Result<Stats, Error> {
        self.0.fetch(self.0.call(GET_STATS, "")).await
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
        let known = crate::operations::ALL.iter().map(|operation| {
            let id = operation.id.to_lowercase();
            assert!(
                [include_str!("client.rs"), include_str!("operator.rs")]
                    .iter()
                    .any(|file| file.contains(&format!("pub async fn {id}("))),
                "{id}"
            );
            (id, operation.method.to_string(), operation.path.to_owned())
        });
        assert_eq!(known.collect::<BTreeSet<_>>(), documented);
    }
}
