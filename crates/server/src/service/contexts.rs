//! Storing, reading, changing and finding contexts.

use std::sync::Arc;

use context_manager_core::context::Version;
use context_manager_core::ports::SessionSummary;
use context_manager_core::{
    AssembleRequest, AssembleResponse, Context, ContextId, Cursor, Error, Filter, Level, NewContext, Page, Patch,
    Place, SearchRequest, SearchResponse, Stats, Stored, Violations,
};

use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

/// Maximum number of contexts in one batch.
const MAX_BATCH: usize = 1000;

impl Call {
    /// Stores a context.
    pub(crate) async fn store(&self, context: NewContext) -> Result<Stored, Failure> {
        self.store_one(UseCase::StoreContext, context).await
    }

    pub(super) async fn store_one(&self, use_case: UseCase, context: NewContext) -> Result<Stored, Failure> {
        let engine = self.engine(use_case).await?;
        let scope = self.scope().clone();
        let mut context = self.sign(context)?;
        let room = self.service().guards.quotas.reserve(&engine, &scope, &context).await?;
        self.spare_others(&engine, std::slice::from_mut(&mut context)).await?;
        self.write(async move {
            let stored = engine.store(&scope, context).await?;
            if !stored.deduplicated {
                room.keep();
            }
            Ok(stored)
        })
        .await
    }

    /// Stores many contexts, and tells of each one what became of it. An edge passes on the ones that it could not read,
    /// as they count too; `pointer` names a context in error messages.
    pub(crate) async fn store_many<E: From<Failure>>(
        &self,
        contexts: Vec<Result<NewContext, E>>,
        pointer: impl Fn(usize) -> String + Send + Sync + 'static,
    ) -> Result<Vec<Result<Stored, E>>, Failure> {
        self.store_batch(UseCase::StoreContexts, "contexts", contexts, pointer)
            .await
    }

    pub(super) async fn store_batch<E: From<Failure>>(
        &self,
        use_case: UseCase,
        what: &str,
        contexts: Vec<Result<NewContext, E>>,
        pointer: impl Fn(usize) -> String + Send + Sync + 'static,
    ) -> Result<Vec<Result<Stored, E>>, Failure> {
        self.enter(use_case).await?;
        if !(1..=MAX_BATCH).contains(&contexts.len()) {
            let mut found = Violations::default();
            found.invalid(format!("/{what}"), format!("must have 1 to {MAX_BATCH} {what}"));
            return Err(Error::Invalid(found).into());
        }
        self.weigh(contexts.len()).await?;
        let engine = Arc::clone(&self.service().backend()?.engine);
        let scope = self.scope().clone();
        let mut results = Vec::with_capacity(contexts.len());
        let (mut good, mut rooms, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for (offset, context) in contexts.into_iter().enumerate() {
            let signed = context.and_then(|new| Ok(self.sign(new)?));
            let admitted = match signed {
                Ok(new) => {
                    let room = self.service().guards.quotas.reserve(&engine, &scope, &new).await;
                    room.map(|room| (new, room))
                        .map_err(|no_room| Failure::from(no_room).into())
                }
                Err(unreadable) => Err(unreadable),
            };
            results.push(match admitted {
                Ok((new, room)) => {
                    good.push(new);
                    rooms.push(room);
                    offsets.push(offset);
                    None
                }
                Err(error) => Some(Err(error)),
            });
        }
        self.spare_others(&engine, &mut good).await?;
        let positions = offsets.clone();
        let stored = self.write(async move {
            // The engine numbers only the contexts that it is given.
            let stored = engine.store_many(&scope, good, |at| pointer(positions[at])).await;
            for (room, result) in rooms.into_iter().zip(&stored) {
                if matches!(result, Ok(stored) if !stored.deduplicated) {
                    room.keep();
                }
            }
            Ok(stored)
        });
        for (offset, result) in offsets.into_iter().zip(stored.await?) {
            results[offset] = Some(result.map_err(|error| Failure::from(error).into()));
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Reads a context.
    pub(crate) async fn get(&self, id: ContextId) -> Result<Context, Failure> {
        let engine = self.engine(UseCase::GetContext).await?;
        self.own(engine.get(self.scope(), id).await?)
    }

    /// Lists contexts, newest first.
    pub(crate) async fn list(
        &self,
        filter: Filter,
        include_superseded: bool,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Context>, Failure> {
        let engine = self.engine(UseCase::ListContexts).await?;
        let filter = self.narrow(filter)?;
        Ok(engine
            .list(self.scope(), filter, include_superseded, after, limit)
            .await?)
    }

    /// Changes a context.
    pub(crate) async fn update(&self, id: ContextId, patch: Patch) -> Result<Context, Failure> {
        let engine = self.engine(UseCase::UpdateContext).await?;
        let scope = self.scope().clone();
        let patch = Patch {
            by: Some(self.key_id()),
            ..patch
        };
        self.check_own(&engine, id).await?;
        let quotas = &self.service().guards.quotas;
        let room = quotas.reserve_change(&engine, &scope, id, &patch).await?;
        self.write(async move {
            let changed = engine.update(&scope, id, patch).await?;
            room.keep();
            Ok(changed)
        })
        .await
    }

    /// Takes the last change of a context back.
    pub(crate) async fn undo(&self, id: ContextId) -> Result<Context, Failure> {
        let engine = self.engine(UseCase::UndoContext).await?;
        let scope = self.scope().clone();
        self.check_own(&engine, id).await?;
        self.write(async move { Ok(engine.undo(&scope, id).await?) }).await
    }

    /// Lists the versions of a context, newest first.
    pub(crate) async fn history(&self, id: ContextId) -> Result<Vec<Version>, Failure> {
        let engine = self.engine(UseCase::GetContextHistory).await?;
        self.check_own(&engine, id).await?;
        let filter = self.narrow(Filter::default())?;
        Ok(engine.history(self.scope(), id, &filter).await?)
    }

    /// Finds the contexts that answer a query.
    pub(crate) async fn search(&self, mut request: SearchRequest) -> Result<SearchResponse, Failure> {
        let engine = self.engine(UseCase::SearchContexts).await?;
        request.filter = self.narrow(request.filter)?;
        let mut response = engine.search(self.scope(), request).await?;
        // Questions are cached for the tenant: a hit would tell one user of another's question.
        response.cache_hit &= self.user().is_none();
        Ok(response)
    }

    /// Writes the contexts that answer a query into one text.
    pub(crate) async fn assemble(&self, mut request: AssembleRequest) -> Result<AssembleResponse, Failure> {
        let engine = self.engine(UseCase::AssembleContexts).await?;
        request.search.filter = self.narrow(request.search.filter)?;
        Ok(engine.assemble(self.scope(), request).await?)
    }

    /// Lists sessions by id.
    pub(crate) async fn sessions(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, Failure> {
        let engine = self.engine(UseCase::ListSessions).await?;
        let filter = self.narrow(Filter::default())?;
        Ok(engine.sessions(self.scope(), filter, after, limit).await?)
    }

    /// Counts the matching contexts at each level, in the order of [`Level::ALL`].
    pub(crate) async fn count(
        &self,
        filter: Filter,
        include_superseded: bool,
    ) -> Result<[u64; Level::ALL.len()], Failure> {
        let engine = self.engine(UseCase::CountContexts).await?;
        let filter = self.narrow(filter)?;
        Ok(engine.count(self.scope(), filter, include_superseded).await?)
    }

    /// Places the newest matching contexts on a plane.
    pub(crate) async fn map(&self, filter: Filter, limit: usize) -> Result<Vec<Place>, Failure> {
        let engine = self.engine(UseCase::GetMap).await?;
        let filter = self.narrow(filter)?;
        Ok(engine.map(self.scope(), filter, limit).await?)
    }

    /// Counts the stored contexts.
    pub(crate) async fn stats(&self) -> Result<Stats, Failure> {
        let engine = self.engine(UseCase::GetStats).await?;
        let filter = self.narrow(Filter::default())?;
        Ok(engine.stats(self.scope(), filter).await?)
    }
}
