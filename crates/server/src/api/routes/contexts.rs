//! Storing, reading and changing contexts.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use context_manager_core::context::{MAX_ID_BYTES, MAX_TAG_BYTES};
use context_manager_core::{Cursor, Error, Filter, Level, NewContext, Stored, Violations};

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::limiting::Weight;
use crate::api::wire::{
    BatchAnswer, BatchBody, BatchItem, ContextBody, ContextPage, PatchBody, StoreBody, WrittenBody,
};
use crate::auth::{Permission, Principal};
use crate::http::{Json, Params, PathId, Problem, read_text};

const MAX_BATCH: usize = 1000;
const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 1000;

/// Store a context
///
/// Answers 200 with `deduplicated` when the same text stands in the same scope and level already, or the same id was
/// sent before, unchanged. A key without the permission `read` gets a receipt instead of the context.
#[utoipa::path(
    post, path = "/contexts", tag = "contexts", request_body = StoreBody,
    responses(
        (status = 201, description = "Stored", body = WrittenBody, headers(("Location" = String, description = "Path of the context"))),
        (status = 200, description = "Was there before", body = WrittenBody),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The tenant's quota is used up", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The id holds something else", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn store_context(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Extension(principal): Extension<Principal>,
    Json(body): Json<StoreBody>,
) -> Result<Response, Problem> {
    let context: NewContext = body.into();
    let room = state.reserve(&scope, &context).await?;
    let stored = state
        .write(|engine| async move {
            let stored = engine.store(&scope, context).await?;
            if !stored.deduplicated {
                room.keep();
            }
            Ok(stored)
        })
        .await?;
    let location = HeaderValue::try_from(format!("/api/v1/contexts/{}", stored.context.id)).ok();
    let status = if stored.deduplicated {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let location = location
        .filter(|_| status == StatusCode::CREATED)
        .map(|path| [(header::LOCATION, path)]);
    Ok((
        status,
        location,
        Json(WrittenBody::new(stored, principal.may(Permission::Read))),
    )
        .into_response())
}

/// Store many contexts
///
/// One bad context loses no other: each has its own status, in the order sent. A key without the permission `read` gets
/// receipts instead of the contexts.
#[utoipa::path(
    post, path = "/contexts/batch", tag = "contexts", request_body = BatchBody,
    responses(
        (status = 200, description = "What became of each", body = BatchAnswer),
        (status = 400, description = "Not valid as a whole", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn store_contexts(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Extension(principal): Extension<Principal>,
    weight: Weight,
    Json(body): Json<BatchBody>,
) -> Result<Response, Problem> {
    if !(1..=MAX_BATCH).contains(&body.contexts.len()) {
        return Err(Problem::invalid_field(
            "/contexts",
            format!("must have 1 to {MAX_BATCH} contexts"),
        ));
    }
    let may_read = principal.may(Permission::Read);
    let standing = weight.of_writes(body.contexts.len())?;
    let read: Vec<Result<NewContext, Problem>> = body
        .contexts
        .into_iter()
        .enumerate()
        .map(|(at, item)| read_text::<StoreBody>(&format!("/contexts/{at}"), item.get()).map(Into::into))
        .collect();
    // The engine numbers only what it is given; its pointers are corrected by giving each its place.
    let mut places: Vec<usize> = Vec::with_capacity(read.len());
    let mut results: Vec<Option<BatchItem>> = Vec::with_capacity(read.len());
    let (mut good, mut rooms) = (Vec::with_capacity(read.len()), Vec::with_capacity(read.len()));
    for (at, item) in read.into_iter().enumerate() {
        let admitted = match item {
            Ok(new) => state.reserve(&scope, &new).await.map(|room| (new, room)),
            Err(problem) => Err(problem),
        };
        match admitted {
            Ok((new, room)) => {
                places.push(at);
                good.push(new);
                rooms.push(room);
                results.push(None);
            }
            Err(problem) => results.push(Some(BatchItem::new(Err(problem), may_read))),
        }
    }
    let pointers = places.clone();
    let stored = state
        .write(|engine| async move {
            let stored = engine
                .store_many(&scope, good, |at| format!("/contexts/{}", pointers[at]))
                .await;
            for (room, result) in rooms.into_iter().zip(&stored) {
                if matches!(result, Ok(stored) if !stored.deduplicated) {
                    room.keep();
                }
            }
            Ok(stored)
        })
        .await?;
    for (at, result) in places.into_iter().zip(stored) {
        results[at] = Some(BatchItem::new(result.map_err(Problem::from), may_read));
    }
    let answer = Json(BatchAnswer {
        results: results.into_iter().flatten().collect(),
    });
    Ok((standing.map(Extension), answer).into_response())
}

/// Read a context
#[utoipa::path(
    get, path = "/contexts/{id}", tag = "contexts", params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 200, description = "The context", body = ContextBody),
        (status = 400, description = "Not a UUID", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn get_context(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    PathId(id): PathId,
) -> Result<Json<ContextBody>, Problem> {
    Ok(Json(state.engine()?.get(&scope, id).await?.into()))
}

/// Change a context
///
/// A key without the permission `read` gets a receipt instead of the context.
#[utoipa::path(
    patch, path = "/contexts/{id}", tag = "contexts", request_body = PatchBody,
    params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 200, description = "As it is now", body = WrittenBody),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The tenant's quota is used up", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn update_context(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Extension(principal): Extension<Principal>,
    PathId(id): PathId,
    Json(body): Json<PatchBody>,
) -> Result<Json<WrittenBody>, Problem> {
    let patch = body.into();
    let room = state.reserve_change(&scope, id, &patch).await?;
    let context = state
        .write(|engine| async move {
            let changed = engine.update(&scope, id, patch).await?;
            room.keep();
            Ok(changed)
        })
        .await?;
    let changed = Stored {
        context,
        deduplicated: false,
    };
    Ok(Json(WrittenBody::new(changed, principal.may(Permission::Read))))
}

/// List contexts, newest first
#[utoipa::path(
    get, path = "/contexts", tag = "contexts",
    params(
        ("level" = Option<crate::api::wire::WireLevel>, Query, description = "Only this level"),
        ("user_id" = Option<String>, Query), ("agent_id" = Option<String>, Query), ("session_id" = Option<String>, Query),
        ("tag" = Option<String>, Query, description = "Only with this tag"),
        ("include_superseded" = Option<bool>, Query, description = "Replaced ones too"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "One page", body = ContextPage),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn list_contexts(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    mut params: Params,
) -> Result<Json<ContextPage>, Problem> {
    let level: Option<Level> = params.parse("level", "must be `immediate`, `short_term` or `long_term`");
    let limit = params.limit(DEFAULT_PAGE, MAX_PAGE);
    let cursor: Option<Cursor> = params.parse("cursor", "must be a `next_cursor` that this server gave out");
    let include_superseded = params
        .parse("include_superseded", "must be `true` or `false`")
        .unwrap_or(false);
    let filter = Filter {
        levels: level.into_iter().collect(),
        user_id: params.text("user_id"),
        agent_id: params.text("agent_id"),
        session_id: params.text("session_id"),
        tags_all: params.text("tag").into_iter().collect(),
        ..Filter::default()
    };
    params.finish()?;
    let mut found = Violations::default();
    for (name, id) in [
        ("user_id", &filter.user_id),
        ("agent_id", &filter.agent_id),
        ("session_id", &filter.session_id),
    ] {
        if let Some(id) = id {
            found.word(format!("/{name}"), id, MAX_ID_BYTES);
        }
    }
    for tag in &filter.tags_all {
        found.word("/tag", tag, MAX_TAG_BYTES);
    }
    found.into_result().map_err(Error::Invalid)?;
    let page = state
        .engine()?
        .list(&scope, filter, include_superseded, cursor, limit)
        .await?;
    Ok(Json(ContextPage {
        contexts: page.items.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}
