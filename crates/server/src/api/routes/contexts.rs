//! Storing, reading and changing contexts; listing sessions.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use context_manager_core::context::{MAX_ID_BYTES, MAX_TAG_BYTES};
use context_manager_core::{Cursor, Error, Filter, Level, Stored, Violations, seal, unseal};

use crate::api::wire::{
    BatchAnswer, BatchBody, BatchItem, ContextBody, ContextPage, CountBody, Counted, HistoryBody, MapAnswer, PatchBody,
    SessionPage, StoreBody, WrittenBody,
};
use crate::auth::Permission;
use crate::http::{Json, OptionalJson, Params, PathId, Problem, read_text};
use crate::service::Call;

pub(super) const DEFAULT_PAGE: usize = 50;
pub(super) const MAX_PAGE: usize = 1000;
const DEFAULT_MAP: usize = 2000;
const MAX_MAP: usize = 10_000;
pub(super) const INVALID_CURSOR: &str = "must be a `next_cursor` that this server gave out";

/// Store a context
///
/// Answers 200 with `deduplicated` when the same text is stored already in the same scope and level, or the same context
/// was sent before under the same id. A key without the permission `read` gets a receipt instead of the context.
#[utoipa::path(
    post, path = "/contexts", tag = "contexts", request_body = StoreBody,
    responses(
        (status = 201, description = "Stored", body = WrittenBody, headers(("Location" = String, description = "Path of the context"))),
        (status = 200, description = "Already stored, or replaced under its key", body = WrittenBody),
        (status = 403, description = "The tenant's quota is used up"),
        (status = 409, description = "Another context has this id, or the key belongs to another user, agent or session"),
    ),
)]
pub(super) async fn store_context(call: Call, Json(body): Json<StoreBody>) -> Result<Response, Problem> {
    Ok(answer(call.store(body.into()).await?, &call))
}

/// Answers a store: 201 with the path of a new context, 200 for one that was there.
pub(super) fn answer(stored: Stored, call: &Call) -> Response {
    let path = format!("/api/v1/contexts/{}", stored.context.id);
    let is_new = !stored.deduplicated && !stored.replaced;
    let body = Json(WrittenBody::new(stored, call.may(Permission::Read)));
    if is_new {
        (StatusCode::CREATED, [(header::LOCATION, path)], body).into_response()
    } else {
        body.into_response()
    }
}

/// Store many contexts
///
/// One bad context loses no other: each has its own status, in the order sent. A key without the permission `read` gets
/// receipts instead of the contexts.
#[utoipa::path(
    post, path = "/contexts/batch", tag = "contexts", request_body = BatchBody,
    responses(
        (status = 200, description = "The outcome of each context, in the order sent", body = BatchAnswer),
        (status = 400, description = "The batch is not valid as a whole"),
    ),
)]
pub(super) async fn store_contexts(call: Call, Json(body): Json<BatchBody>) -> Result<Json<BatchAnswer>, Problem> {
    let pointer = |at| format!("/contexts/{at}");
    let contexts = body.contexts.into_iter().enumerate();
    let contexts = contexts.map(|(at, item)| read_text::<StoreBody>(&pointer(at), item.get()).map(Into::into));
    let stored = call.store_many(contexts.collect(), pointer).await?;
    let may_read = call.may(Permission::Read);
    Ok(Json(BatchAnswer {
        results: stored
            .into_iter()
            .map(|result| BatchItem::new(result, may_read))
            .collect(),
    }))
}

/// Read a context
#[utoipa::path(
    get, path = "/contexts/{id}", tag = "contexts", params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 200, description = "The context", body = ContextBody),
        (status = 400, description = "Not a UUID"),
        (status = 404, description = "No such context"),
    ),
)]
pub(super) async fn get_context(call: Call, PathId(id): PathId) -> Result<Json<ContextBody>, Problem> {
    Ok(Json(call.get(id).await?.into()))
}

/// Change a context
///
/// A key without the permission `read` gets a receipt instead of the context.
#[utoipa::path(
    patch, path = "/contexts/{id}", tag = "contexts", request_body = PatchBody,
    params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 200, description = "The changed context", body = WrittenBody),
        (status = 403, description = "The tenant's quota is used up"),
        (status = 404, description = "No such context"),
    ),
)]
pub(super) async fn update_context(
    call: Call,
    PathId(id): PathId,
    Json(body): Json<PatchBody>,
) -> Result<Json<WrittenBody>, Problem> {
    let changed = call.update(id, body.into()).await?;
    Ok(Json(WrittenBody::new(changed.into(), call.may(Permission::Read))))
}

/// List the versions of a context
///
/// Also those of contexts that it superseded. Newest first.
#[utoipa::path(
    get, path = "/contexts/{id}/history", tag = "contexts",
    params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 200, description = "The versions", body = HistoryBody),
        (status = 404, description = "No such context"),
    ),
)]
pub(super) async fn get_context_history(call: Call, PathId(id): PathId) -> Result<Json<HistoryBody>, Problem> {
    let versions = call.history(id).await?;
    Ok(Json(HistoryBody {
        versions: versions.into_iter().map(Into::into).collect(),
    }))
}

/// Take the last change of a context back
///
/// The version before becomes current again, with its number; a context that was superseded becomes current itself. A key
/// without the permission `read` gets a receipt instead of the context.
#[utoipa::path(
    post, path = "/contexts/{id}/undo", tag = "contexts",
    params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 200, description = "The context as it is now", body = WrittenBody),
        (status = 404, description = "No such context"),
        (status = 409, description = "It has no earlier version, or another context has its key by now"),
    ),
)]
pub(super) async fn undo_context(call: Call, PathId(id): PathId) -> Result<Json<WrittenBody>, Problem> {
    let changed = call.undo(id).await?;
    Ok(Json(WrittenBody::new(changed.into(), call.may(Permission::Read))))
}

/// List contexts, newest first
#[utoipa::path(
    get, path = "/contexts", tag = "contexts",
    params(
        ("level" = Option<crate::api::wire::WireLevel>, Query, description = "Contexts of this level only"),
        ("user_id" = Option<String>, Query, description = "Contexts of this user only"),
        ("agent_id" = Option<String>, Query, description = "Contexts of this agent only"),
        ("session_id" = Option<String>, Query, description = "Contexts of this conversation only"),
        ("scope_prefix" = Option<String>, Query, description = "Contexts of this scope and of those below it only"),
        ("tag" = Option<String>, Query, description = "Contexts with this tag only"),
        ("include_superseded" = Option<bool>, Query, description = "Include superseded contexts"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "One page", body = ContextPage),
    ),
)]
pub(super) async fn list_contexts(call: Call, mut params: Params) -> Result<Json<ContextPage>, Problem> {
    let limit = params.limit(DEFAULT_PAGE, MAX_PAGE);
    let cursor: Option<Cursor> = params.parse("cursor", INVALID_CURSOR);
    let include_superseded = params.parse("include_superseded", "must be `true` or `false`");
    let filter = conditions(&mut params);
    params.finish()?;
    check(&filter)?;
    let page = call
        .list(filter, include_superseded.unwrap_or(false), cursor, limit)
        .await?;
    Ok(Json(ContextPage {
        contexts: page.items.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Get a map of the newest contexts
///
/// Places contexts on a plane by the two principal components of their vectors: what is near to each other is alike. Those
/// without a vector yet are left out.
#[utoipa::path(
    get, path = "/map", tag = "contexts",
    params(
        ("level" = Option<crate::api::wire::WireLevel>, Query, description = "Contexts of this level only"),
        ("user_id" = Option<String>, Query, description = "Contexts of this user only"),
        ("agent_id" = Option<String>, Query, description = "Contexts of this agent only"),
        ("session_id" = Option<String>, Query, description = "Contexts of this conversation only"),
        ("scope_prefix" = Option<String>, Query, description = "Contexts of this scope and of those below it only"),
        ("tag" = Option<String>, Query, description = "Contexts with this tag only"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 10_000, description = "Default 2,000"),
    ),
    responses(
        (status = 200, description = "The map", body = MapAnswer),
    ),
)]
pub(super) async fn get_map(call: Call, mut params: Params) -> Result<Json<MapAnswer>, Problem> {
    let limit = params.limit(DEFAULT_MAP, MAX_MAP);
    let filter = conditions(&mut params);
    params.finish()?;
    check(&filter)?;
    Ok(Json(call.map(filter, limit).await?.into()))
}

/// Count contexts
#[utoipa::path(
    post, path = "/contexts/count", tag = "contexts",
    request_body(content = Option<CountBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The number", body = Counted),
    ),
)]
pub(super) async fn count_contexts(
    call: Call,
    OptionalJson(body): OptionalJson<CountBody>,
) -> Result<Json<Counted>, Problem> {
    let include_superseded = body.include_superseded;
    let contexts = call.count(body.into_filter()?, include_superseded).await?;
    Ok(Json(Counted {
        total: contexts.iter().sum(),
        contexts: contexts.into(),
    }))
}

/// Reads the conditions on contexts among query parameters.
fn conditions(params: &mut Params) -> Filter {
    let level: Option<Level> = params.parse("level", "must be `immediate`, `short_term` or `long_term`");
    Filter {
        levels: level.into_iter().collect(),
        user_id: params.text("user_id"),
        agent_id: params.text("agent_id"),
        session_id: params.text("session_id"),
        scope_prefix: params.text("scope_prefix"),
        tags_all: params.text("tag").into_iter().collect(),
        ..Filter::default()
    }
}

/// Checks the words of a filter that came as query parameters.
fn check(filter: &Filter) -> Result<(), Error> {
    let mut found = Violations::default();
    for (pointer, id) in [
        ("/user_id", &filter.user_id),
        ("/agent_id", &filter.agent_id),
        ("/session_id", &filter.session_id),
    ] {
        if let Some(id) = id {
            found.word(pointer, id, MAX_ID_BYTES);
        }
    }
    if let Some(prefix) = &filter.scope_prefix {
        found.scope_path("/scope_prefix", prefix);
    }
    for tag in &filter.tags_all {
        found.word("/tag", tag, MAX_TAG_BYTES);
    }
    found.into_result().map_err(Error::Invalid)
}

/// List sessions, by id
#[utoipa::path(
    get, path = "/sessions", tag = "sessions",
    params(
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "One page", body = SessionPage),
    ),
)]
pub(super) async fn list_sessions(call: Call, mut params: Params) -> Result<Json<SessionPage>, Problem> {
    let limit = params.limit(DEFAULT_PAGE, MAX_PAGE);
    let cursor: Option<WordCursor> = params.parse("cursor", INVALID_CURSOR);
    params.finish()?;
    let page = call.sessions(cursor.as_ref().map(WordCursor::word), limit).await?;
    Ok(Json(SessionPage {
        sessions: page.items.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(WordCursor::seal),
    }))
}

/// Last word of a page, such as the id of a session, encoded so that clients do not take it apart.
pub(super) struct WordCursor(String);

impl WordCursor {
    pub(super) fn word(&self) -> &str {
        &self.0
    }

    /// Encodes the last word of a page.
    pub(super) fn seal(word: String) -> String {
        seal(&URL_SAFE_NO_PAD.encode(word))
    }
}

impl std::str::FromStr for WordCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(unseal(text).ok_or(())?).map_err(|_| ())?;
        let word = String::from_utf8(bytes).map_err(|_| ())?;
        if word.is_empty() {
            return Err(());
        }
        Ok(Self(word))
    }
}
