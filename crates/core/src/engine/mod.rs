//! The HiRAG engine: stores contexts, moves them between levels, and finds what a model needs to know now.
//!
//! [`ContextEngine`] is the API, with the work in the background in [`background`]. [`parts`] owns the state and composes a room for each call: [`store`], [`search`],
//! [`lifecycle`], [`models`], [`transfer`] or the [`reader`], over [`contexts`] and [`working_memory`]. A room gets what it
//! needs, and never the engine.
//!
//! Concurrency: whatever reads before it writes (duplicates, ids, patches, a session's order) holds the locks of its keys,
//! see [`locks`]. Lock order: model, then keys. Other processes are excluded by compare-and-set in the store.

mod background;
mod backlog;
mod contexts;
mod documents;
mod events;
mod history;
mod lifecycle;
mod listing;
mod locks;
mod map;
mod messages;
mod model_in_use;
mod models;
mod named;
mod parts;
mod prepare;
mod projection;
mod reader;
mod reindex;
mod scopes;
mod search;
mod sequences;
mod store;
mod transfer;
mod vocabulary;
mod watched_store;
mod working_memory;

use std::sync::Arc;

use jiff::Timestamp;

use crate::context::{Context, ContextId, Level, MAX_ID_BYTES, NewContext, Patch, Version, Violations};
use crate::lifecycle::Lifecycle;
use crate::ports::{Leases, Reranker, SessionSummary, SnapshotError, Snapshots, Summarizer};
use crate::{Config, Cursor, Error, Filter, Page, Scope, TenantId, Visibility};

pub use documents::{DocumentStored, NewDocument, Parts as DocumentParts};
pub use events::{Event, EventKind, Followed, Follower, Resume};
pub use lifecycle::{GcAction, GcAffected, GcReport, MAX_LISTED};
pub use map::Place;
pub use model_in_use::OnEmbeddingFailure;
pub use models::{Pending, PendingRound, ReembedPhase, ReembedProgress, ReembedSettings};
pub use parts::Deps;
pub use reader::{Stats, Usage};
pub use scopes::ScopeCount;
pub use search::{
    AssembleRequest, AssembleResponse, DEFAULT_LIMIT, Degraded, Dropped, Found, MAX_LIMIT, MAX_TOKENS, Relevance,
    SearchMode, SearchRequest, SearchResponse,
};
pub use store::Stored;
pub use transfer::{ExportRecord, ExportRequest, Forgotten, Imported, Receipt, Restored};

use contexts::Contexts;
use parts::Parts;
use search::Reranking;

/// Stores contexts and finds the relevant ones. Cheap to share behind an [`Arc`]; all methods take `&self`.
#[derive(Debug)]
pub struct ContextEngine(Parts);

impl ContextEngine {
    /// Composes an engine. `config` must have no [`Config::problems`].
    pub fn new(config: Config, deps: Deps) -> Self {
        Self(Parts::new(config, deps))
    }

    /// Replaces the settings for the life of contexts; they must have no problems.
    #[must_use]
    pub fn with_lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.0.lifecycle = lifecycle;
        self
    }

    /// Adds a summarizer of promoted contexts.
    #[must_use]
    pub fn with_summarizer(mut self, summarizer: Arc<dyn Summarizer>) -> Self {
        self.0.summarizer = Some(summarizer);
        self
    }

    /// Adds a reranker of this number of best candidates.
    #[must_use]
    pub fn with_reranker(mut self, reranker: Arc<dyn Reranker>, candidates: usize) -> Self {
        self.0.reranking = Some(Reranking { reranker, candidates });
        self
    }

    /// Replaces the leases; without any, this process is the only one on its store.
    #[must_use]
    pub fn with_leases(mut self, leases: Option<Arc<dyn Leases>>) -> Self {
        self.0.leases = leases;
        self
    }

    /// Returns the time of the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Stores one context; once this returns `Ok` it is durable and can be found.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Conflict`] when the id holds something else, [`Error::Embedding`], [`Error::Store`].
    pub async fn store(&self, scope: &Scope, new: NewContext) -> Result<Stored, Error> {
        let mut results = self.store_many(scope, vec![new], |_| String::new()).await;
        // One in, one out.
        results
            .pop()
            .unwrap_or_else(|| Err(Error::Invalid(Violations::default())))
    }

    /// Stores many contexts; each has its own result, in the order given, and a bad one loses no good one.
    ///
    /// `pointer` returns the JSON pointer of the context at an index of the request, for [`Error::Invalid`].
    pub async fn store_many(
        &self,
        scope: &Scope,
        new: Vec<NewContext>,
        pointer: impl Fn(usize) -> String,
    ) -> Vec<Result<Stored, Error>> {
        self.0.storing().store_many(scope, new, pointer).await
    }

    /// Changes a context; a new text gets new tokens, words and vector.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] (also when the result would be too large), [`Error::Embedding`] when the text
    /// cannot be embedded and pending contexts are not wanted, [`Error::Store`], also when other processes kept changing the
    /// context.
    pub async fn update(&self, scope: &Scope, id: ContextId, patch: Patch) -> Result<Context, Error> {
        self.0.changer().update(scope, id, patch).await
    }

    /// Takes the last change of a context back: the version before becomes current again, or the context itself if another
    /// one superseded it.
    ///
    /// # Errors
    /// As [`ContextEngine::update`], and [`Error::NothingToUndo`].
    pub async fn undo(&self, scope: &Scope, id: ContextId) -> Result<Context, Error> {
        self.0.changer().undo(scope, id).await
    }

    /// Returns the versions of a context and of those matching ones that it superseded, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn history(&self, scope: &Scope, id: ContextId, filter: &Filter) -> Result<Vec<Version>, Error> {
        history::history(self.contexts(), scope, id, filter).await
    }

    /// Deletes everything that matches, visible or not, and returns the exact number.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn delete(&self, scope: &Scope, filter: &Filter) -> Result<u64, Error> {
        Ok(self.0.changer().delete(scope, filter).await?)
    }

    /// Returns one context, superseded or not, unless it has expired.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn get(&self, scope: &Scope, id: ContextId) -> Result<Context, Error> {
        self.contexts().get(scope, id).await
    }

    /// Returns one page of contexts, newest first; expired ones never, superseded ones on request.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(
        &self,
        scope: &Scope,
        filter: Filter,
        include_superseded: bool,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Context>, Error> {
        Ok(reader::list(self.contexts(), scope, filter, include_superseded, after, limit).await?)
    }

    /// Returns one page of the sessions with matching contexts, by id. Only visible contexts count.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sessions(
        &self,
        scope: &Scope,
        filter: Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, Error> {
        let filter = Filter {
            visibility: Visibility::Current(self.0.clock.now()),
            ..filter
        };
        Ok(self.0.store.sessions(scope, &filter, after, limit).await?)
    }

    /// Returns the newest matching messages, oldest first: at most `limit`, and of at most `max_tokens` tokens together.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn messages(
        &self,
        scope: &Scope,
        filter: &Filter,
        limit: usize,
        max_tokens: Option<u64>,
    ) -> Result<Vec<Context>, Error> {
        Ok(messages::newest(self.contexts(), scope, filter, limit, max_tokens).await?)
    }

    /// Deletes the newest matching message of a session and returns it; `None` if there is none. No two calls get the same.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn pop_message(&self, scope: &Scope, filter: &Filter) -> Result<Option<Context>, Error> {
        Ok(messages::pop(self.0.changer(), scope, filter).await?)
    }

    /// Stores the parts of a document, in the place of the document with its id of the same user.
    ///
    /// # Errors
    /// As [`ContextEngine::store`]; nothing new stays then.
    pub async fn store_document(&self, scope: &Scope, parts: DocumentParts) -> Result<DocumentStored, Error> {
        self.0.documents().store(scope, parts).await
    }

    /// Returns one page of the first parts of matching documents, newest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn documents(
        &self,
        scope: &Scope,
        filter: Filter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Context>, Error> {
        Ok(documents::list(self.contexts(), scope, filter, after, limit).await?)
    }

    /// Returns the parts before and behind a part of a document, in order, at most `count` on each side.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn neighbours(&self, scope: &Scope, context: &Context, count: usize) -> Result<[Vec<Context>; 2], Error> {
        Ok(documents::neighbours(self.contexts(), scope, context, count).await?)
    }

    /// Follows the writes to a tenant's contexts from now on, or from behind an event. Writes of other processes on the same
    /// store are not among them.
    pub fn follow(&self, scope: &Scope, after: Option<Resume>) -> Follower {
        self.0.events.follow(scope, after)
    }

    /// Ends all followers.
    pub fn end_followers(&self) {
        self.0.events.close();
    }

    /// Returns one page of the scopes with matching contexts, by path. With a depth, paths are cut to that many segments below
    /// the filter's `scope_prefix`, and count everything below them.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn scopes(
        &self,
        scope: &Scope,
        filter: &Filter,
        depth: Option<usize>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ScopeCount, String>, Error> {
        Ok(scopes::list(self.contexts(), scope, filter, depth, after, limit).await?)
    }

    /// Returns the number of matching contexts at each level, in the order of [`Level::ALL`]; expired ones do not count, and
    /// superseded ones only if asked for.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn count(
        &self,
        scope: &Scope,
        filter: Filter,
        include_superseded: bool,
    ) -> Result<[u64; Level::ALL.len()], Error> {
        Ok(reader::count(self.contexts(), scope, filter, include_superseded).await?)
    }

    /// Places up to `limit` of the newest matching contexts on a plane, near to each other if their vectors are alike.
    /// Contexts without a vector yet have no place.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn map(&self, scope: &Scope, filter: Filter, limit: usize) -> Result<Vec<Place>, Error> {
        Ok(map::map(self.contexts(), scope, filter, limit).await?)
    }

    /// Returns statistics of the matching contexts; expired ones do not count.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn stats(&self, scope: &Scope, filter: Filter) -> Result<Stats, Error> {
        Ok(reader::stats(self.contexts(), scope, filter, self.0.reindexing.share()).await?)
    }

    /// Returns the amount of data that the tenant keeps; expired contexts do not count. Measuring `bytes` reads every
    /// context.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn usage(&self, scope: &Scope, bytes: bool) -> Result<Usage, Error> {
        Ok(reader::usage(self.contexts(), scope, bytes).await?)
    }

    /// Returns the contexts that answer a query, best first, within the limits.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Store`] or [`Error::DeadlineExceeded`] when there is nothing to answer from. A failed or
    /// late component is named in [`SearchResponse::degraded`] as long as another one can answer.
    pub async fn search(&self, scope: &Scope, request: SearchRequest) -> Result<SearchResponse, Error> {
        self.0.searcher().search(scope, request).await
    }

    /// Writes the contexts that answer a query into one text of at most `max_tokens` tokens.
    ///
    /// # Errors
    /// As [`ContextEngine::search`], and [`Error::Invalid`] without a budget.
    pub async fn assemble(&self, scope: &Scope, request: AssembleRequest) -> Result<AssembleResponse, Error> {
        self.0.searcher().assemble(scope, request).await
    }

    /// Returns `true` if other processes may write to the store.
    pub fn is_shared(&self) -> bool {
        self.0.store.is_shared()
    }

    /// Returns the tenants with stored contexts.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn tenants(&self) -> Result<Vec<TenantId>, Error> {
        Ok(self.0.store.tenants(&Filter::default()).await?)
    }

    /// Returns the end of an export that begins now; contexts stored later come after it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn export_end(&self, scope: &Scope) -> Result<Cursor, Error> {
        Ok(transfer::export_end(self.contexts(), scope).await?)
    }

    /// Returns one page of everything that has not expired, oldest first; ties are broken by id, so that the order never
    /// varies.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn export(&self, scope: &Scope, request: ExportRequest) -> Result<Page<ExportRecord>, Error> {
        Ok(transfer::export_page(self.contexts(), scope, request).await?)
    }

    /// Stores exported contexts; each has its own result, in the order given, and a bad one loses no good one. A context
    /// whose id holds the same content already stays as it is, so importing again changes nothing.
    ///
    /// Each error is [`Error::Invalid`], [`Error::Conflict`] when the id holds something else, [`Error::Embedding`], or
    /// [`Error::Store`].
    pub async fn import(&self, scope: &Scope, carried: Vec<ExportRecord>) -> Vec<Result<Imported, Error>> {
        self.0.importer().import(scope, carried).await
    }

    /// Purges every context of a user at all levels, everything derived from them, and all traces in memory, until nothing
    /// is left.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Store`]; contexts deleted by then are gone, and another call resumes.
    pub async fn forget_user(&self, scope: &Scope, user_id: &str) -> Result<Forgotten, Error> {
        let mut found = Violations::default();
        found.word("/user_id", user_id, MAX_ID_BYTES);
        found.into_result()?;
        let of_user = Filter {
            user_id: Some(user_id.to_owned()),
            ..Filter::default()
        };
        self.0.purge().run(scope, &of_user, user_id).await
    }

    /// Purges every context that matches, as [`ContextEngine::forget_user`] does. `subject` stands in the receipt.
    ///
    /// # Errors
    /// [`Error::Store`]; contexts deleted by then are gone, and another call resumes.
    pub async fn forget(&self, scope: &Scope, filter: &Filter, subject: &str) -> Result<Forgotten, Error> {
        self.0.purge().run(scope, filter, subject).await
    }

    /// Restores the whole store, of all tenants, from a snapshot of `snapshots`, which must belong to this engine's store.
    /// Calls go on while it is prepared, and wait during the swap.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub async fn restore(
        &self,
        snapshots: &dyn Snapshots,
        name: &str,
        accept_erased: bool,
    ) -> Result<Restored, SnapshotError> {
        transfer::restore(self.contexts(), snapshots, name, accept_erased).await
    }

    fn contexts(&self) -> Contexts<'_> {
        self.0.contexts()
    }
}
