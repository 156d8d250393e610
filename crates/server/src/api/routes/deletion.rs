//! Deleting, by id, by filter and by level.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use context_manager_core::{Filter, Scope};

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::wire::{ClearBody, DeleteBody, Deleted};
use crate::audit::Affected;
use crate::http::{Json, PathId, Problem};

/// Delete a context
///
/// Answers 204 also when it was gone already.
#[utoipa::path(
    delete, path = "/contexts/{id}", tag = "contexts", params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 204, description = "Gone"),
        (status = 400, description = "Not a UUID", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn delete_context(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    PathId(id): PathId,
) -> Result<(StatusCode, Extension<Affected>), Problem> {
    let (affected, _) = delete(&state, scope, Filter::by_ids(vec![id])).await?;
    Ok((StatusCode::NO_CONTENT, affected))
}

/// Delete contexts by ids or by filter
#[utoipa::path(
    post, path = "/contexts/delete", tag = "contexts", request_body = DeleteBody,
    responses(
        (status = 200, description = "How many were deleted", body = Deleted),
        (status = 400, description = "Not valid, or without any condition", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn delete_contexts(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Json(body): Json<DeleteBody>,
) -> Result<(Extension<Affected>, Json<Deleted>), Problem> {
    delete(&state, scope, body.into_filter()?).await
}

/// Clear a level, of one session, user or agent if named
#[utoipa::path(
    post, path = "/contexts/clear", tag = "contexts", request_body = ClearBody,
    responses(
        (status = 200, description = "How many were deleted", body = Deleted),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn clear_contexts(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Json(body): Json<ClearBody>,
) -> Result<(Extension<Affected>, Json<Deleted>), Problem> {
    delete(&state, scope, body.into_filter()?).await
}

/// Deletes what matches, and says so to the caller and to the audit log.
pub(super) async fn delete(
    state: &ApiState,
    scope: Scope,
    filter: Filter,
) -> Result<(Extension<Affected>, Json<Deleted>), Problem> {
    let wanted = filter.clone();
    let deleted = state
        .write(|engine| async move { engine.delete(&scope, &wanted).await })
        .await?;
    Ok((
        Extension(Affected::deleted(deleted, &filter)),
        Json(Deleted { deleted }),
    ))
}
