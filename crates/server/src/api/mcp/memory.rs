//! The tools' memory on the service layer.

use async_trait::async_trait;
use context_manager_client::{ListContexts, wire};
use context_manager_core::{ContextId, Cursor, Error, Filter, Violations};
use context_manager_mcp::{Fault, Memory};
use tokio::time::Instant;
use uuid::Uuid;

use crate::api::wire::stats_body;
use crate::auth::Permission;
use crate::http::{Problem, TimeLimit};
use crate::service::{Call, Failure, UseCase};

/// Most contexts of a page where the tool asks for no number.
const DEFAULT_PAGE: usize = 50;

/// Memory of the caller of one request. Each of its methods is a call of the service.
#[derive(Debug)]
pub(super) struct CallMemory {
    call: Call,
    limit: TimeLimit,
}

impl CallMemory {
    pub(super) fn new(call: Call, limit: TimeLimit) -> Self {
        Self { call, limit }
    }
}

/// Ends a call, and tells of a failure what the HTTP API would.
fn ended<T>(call: &Call, outcome: Result<T, Problem>) -> Result<T, Fault> {
    call.end(
        outcome
            .as_ref()
            .map_or_else(|problem| problem.status().as_u16(), |_| 200),
    );
    outcome.map_err(|problem| wire::Problem::from(problem).into())
}

#[async_trait]
impl Memory for CallMemory {
    async fn search(&self, request: &wire::SearchRequest) -> Result<wire::SearchResponse, Fault> {
        let call = self.call.within(UseCase::SearchContexts);
        let start = Instant::now();
        let explain = request.explain;
        let found = async {
            let mut found = Violations::default();
            let deadline = self.limit.answer_by(request.deadline_ms, &mut found);
            let mut request = request.clone().into_request(&mut found);
            request.deadline = deadline;
            found.extend(request.validate());
            found.into_result().map_err(Error::Invalid)?;
            let response = call.search(request).await?;
            let took_ms = start.elapsed().as_secs_f64() * 1000.0;
            Ok(wire::SearchResponse::new(response, explain, took_ms))
        };
        ended(&call, found.await)
    }

    async fn get(&self, id: Uuid) -> Result<Option<wire::Context>, Fault> {
        let call = self.call.within(UseCase::GetContext);
        let found = match call.get(ContextId(id)).await {
            Ok(context) => Ok(Some(context.into())),
            Err(Failure::Engine(Error::NotFound(_))) => Ok(None),
            Err(failure) => Err(failure.into()),
        };
        ended(&call, found)
    }

    async fn store(&self, context: &wire::NewContext) -> Result<wire::Written, Fault> {
        let call = self.call.within(UseCase::StoreContext);
        let stored = call.store(context.clone().into()).await;
        let stored = stored.map(|stored| wire::Written::new(stored, call.may(Permission::Read)));
        ended(&call, stored.map_err(Problem::from))
    }

    async fn update(&self, id: Uuid, patch: &wire::ContextPatch) -> Result<wire::Written, Fault> {
        let call = self.call.within(UseCase::UpdateContext);
        let changed = call.update(ContextId(id), patch.clone().into()).await;
        let changed = changed.map(|context| wire::Written::new(context.into(), call.may(Permission::Read)));
        ended(&call, changed.map_err(Problem::from))
    }

    async fn forget(&self, filter: &wire::Filter) -> Result<u64, Fault> {
        let call = self.call.within(UseCase::DeleteContexts);
        let body = wire::DeleteBody {
            filter: Some(filter.clone()),
            ..wire::DeleteBody::default()
        };
        let deleted = match body.into_filter() {
            Ok(filter) => call.delete_where(filter).await.map_err(Problem::from),
            Err(invalid) => Err(invalid.into()),
        };
        ended(&call, deleted)
    }

    async fn assemble(&self, request: &wire::AssembleRequest) -> Result<wire::AssembleResponse, Fault> {
        let call = self.call.within(UseCase::AssembleContexts);
        let wire::AssembleRequest { search, layout } = request.clone();
        let explain = search.explain;
        let assembled = async {
            let mut found = Violations::default();
            let deadline = self.limit.answer_by(search.deadline_ms, &mut found);
            let mut request = layout.into_request(search, &mut found);
            request.search.deadline = deadline;
            found.extend(request.validate());
            found.into_result().map_err(Error::Invalid)?;
            Ok(wire::AssembleResponse::new(call.assemble(request).await?, explain))
        };
        ended(&call, assembled.await)
    }

    async fn list(&self, list: &ListContexts) -> Result<wire::ContextPage, Fault> {
        let call = self.call.within(UseCase::ListContexts);
        let page = async {
            let filter = conditions(list)?;
            let cursor = list.page.cursor.as_deref().map(str::parse::<Cursor>).transpose();
            let cursor =
                cursor.map_err(|_| Problem::invalid_field("/cursor", "must be a `next_cursor` of this server"))?;
            let limit = list.page.limit.map_or(DEFAULT_PAGE, |limit| limit as usize);
            let page = call.list(filter, list.include_superseded, cursor, limit).await?;
            Ok(wire::ContextPage {
                contexts: page.items.into_iter().map(Into::into).collect(),
                next_cursor: page.next.map(|cursor| cursor.to_string()),
            })
        };
        ended(&call, page.await)
    }

    async fn status(&self) -> Result<wire::Stats, Fault> {
        let call = self.call.within(UseCase::GetStats);
        let stats = call.stats().await;
        let uptime = call.service().started.elapsed().as_secs();
        let stats = stats.map(|stats| stats_body(stats, uptime, None));
        ended(&call, stats.map_err(Problem::from))
    }
}

/// Returns the conditions of a list.
fn conditions(list: &ListContexts) -> Result<Filter, Error> {
    let given = wire::Filter {
        user_id: list.user_id.clone(),
        agent_id: list.agent_id.clone(),
        session_id: list.session_id.clone(),
        scope_prefix: list.scope_prefix.clone(),
        tags_all: list.tag.clone().map(|tag| vec![tag]),
        ..wire::Filter::default()
    };
    let mut found = Violations::default();
    let filter = given.into_filter("", &mut found);
    found.into_result().map_err(Error::Invalid)?;
    Ok(Filter {
        levels: list.level.map(Into::into).into_iter().collect(),
        ..filter
    })
}
