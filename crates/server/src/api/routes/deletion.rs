//! Deleting contexts, sessions, and all data of a person.

use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::{ClearBody, DeleteBody, Deleted, ForgottenBody};
use crate::http::{Json, PathId, Problem};
use crate::service::Call;

/// Delete a context
///
/// Answers 204 also when it was gone already.
#[utoipa::path(
    delete, path = "/contexts/{id}", tag = "contexts", params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 204, description = "Gone"),
        (status = 400, description = "Not a UUID"),
    ),
)]
pub(super) async fn delete_context(call: Call, PathId(id): PathId) -> Result<StatusCode, Problem> {
    call.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Delete contexts by ids or by filter
#[utoipa::path(
    post, path = "/contexts/delete", tag = "contexts", request_body = DeleteBody,
    responses(
        (status = 200, description = "How many were deleted", body = Deleted),
        (status = 400, description = "Not valid, or without any condition"),
    ),
)]
pub(super) async fn delete_contexts(call: Call, Json(body): Json<DeleteBody>) -> Result<Json<Deleted>, Problem> {
    let deleted = call.delete_where(body.into_filter()?).await?;
    Ok(Json(Deleted { deleted }))
}

/// Clear a level, of one session, user or agent if named
#[utoipa::path(
    post, path = "/contexts/clear", tag = "contexts", request_body = ClearBody,
    responses(
        (status = 200, description = "How many were deleted", body = Deleted),
    ),
)]
pub(super) async fn clear_contexts(call: Call, Json(body): Json<ClearBody>) -> Result<Json<Deleted>, Problem> {
    let deleted = call.clear(body.into_filter()?).await?;
    Ok(Json(Deleted { deleted }))
}

/// Forget a session, at all levels
#[utoipa::path(
    delete, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "How many contexts were deleted", body = Deleted),
    ),
)]
pub(super) async fn delete_session(call: Call, Path(session_id): Path<String>) -> Result<Json<Deleted>, Problem> {
    let deleted = call.delete_session(session_id).await?;
    Ok(Json(Deleted { deleted }))
}

/// Forget a person
///
/// Deletes all contexts of a user at all levels, and what was made from them, and everything in memory about them. Looks
/// again until nothing is left. Snapshots made before do not bring them back.
#[utoipa::path(
    delete, path = "/users/{user_id}", tag = "contexts",
    params(("user_id" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "What was forgotten", body = ForgottenBody),
    ),
)]
pub(super) async fn forget_user(call: Call, Path(user_id): Path<String>) -> Result<Json<ForgottenBody>, Problem> {
    Ok(Json(call.forget_user(user_id).await?.into()))
}
