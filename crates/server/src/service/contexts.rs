//! Storing, reading, changing and finding contexts.

use std::sync::Arc;

use context_manager_core::ports::SessionSummary;
use context_manager_core::{
    AssembleRequest, AssembleResponse, Context, ContextId, Cursor, Error, Filter, NewContext, Page, Patch,
    SearchRequest, SearchResponse, Stats, Stored, Violations,
};

use super::call::Call;
use super::failure::Failure;
use super::use_case::UseCase;

/// Maximum number of contexts in one batch.
const MAX_BATCH: usize = 1000;

impl Call {
    /// Stores a context.
    pub(crate) async fn store(&self, context: NewContext) -> Result<Stored, Failure> {
        let engine = self.engine(UseCase::StoreContext).await?;
        let scope = self.scope().clone();
        let room = self.service().guards.quotas.reserve(&engine, &scope, &context).await?;
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
        self.enter(UseCase::StoreContexts).await?;
        if !(1..=MAX_BATCH).contains(&contexts.len()) {
            let mut found = Violations::default();
            found.invalid("/contexts", format!("must have 1 to {MAX_BATCH} contexts"));
            return Err(Error::Invalid(found).into());
        }
        self.weigh(contexts.len())?;
        let engine = Arc::clone(&self.service().backend()?.engine);
        let scope = self.scope().clone();
        let mut results = Vec::with_capacity(contexts.len());
        let (mut good, mut rooms, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for (offset, context) in contexts.into_iter().enumerate() {
            let admitted = match context {
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
        Ok(self.engine(UseCase::GetContext).await?.get(self.scope(), id).await?)
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
        Ok(engine
            .list(self.scope(), filter, include_superseded, after, limit)
            .await?)
    }

    /// Changes a context.
    pub(crate) async fn update(&self, id: ContextId, patch: Patch) -> Result<Context, Failure> {
        let engine = self.engine(UseCase::UpdateContext).await?;
        let scope = self.scope().clone();
        let quotas = &self.service().guards.quotas;
        let room = quotas.reserve_change(&engine, &scope, id, &patch).await?;
        self.write(async move {
            let changed = engine.update(&scope, id, patch).await?;
            room.keep();
            Ok(changed)
        })
        .await
    }

    /// Finds the contexts that answer a query.
    pub(crate) async fn search(&self, request: SearchRequest) -> Result<SearchResponse, Failure> {
        let engine = self.engine(UseCase::SearchContexts).await?;
        Ok(engine.search(self.scope(), request).await?)
    }

    /// Writes the contexts that answer a query into one text.
    pub(crate) async fn assemble(&self, request: AssembleRequest) -> Result<AssembleResponse, Failure> {
        let engine = self.engine(UseCase::AssembleContexts).await?;
        Ok(engine.assemble(self.scope(), request).await?)
    }

    /// Lists sessions by id.
    pub(crate) async fn sessions(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<SessionSummary, String>, Failure> {
        let engine = self.engine(UseCase::ListSessions).await?;
        Ok(engine.sessions(self.scope(), Filter::default(), after, limit).await?)
    }

    /// Counts the stored contexts.
    pub(crate) async fn stats(&self) -> Result<Stats, Failure> {
        let engine = self.engine(UseCase::GetStats).await?;
        Ok(engine.stats(self.scope(), Filter::default()).await?)
    }
}
