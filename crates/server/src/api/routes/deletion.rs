//! Deleting contexts, sessions, and all data of a person.

use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::{ClearBody, DeleteBody, Deleted, ForgottenBody};
use crate::http::{Json, PathId, Problem};
use crate::service::Call;

/// Delete a context
///
/// Answers 204 also when the context does not exist.
#[utoipa::path(
    delete, path = "/contexts/{id}", tag = "contexts", params(("id" = uuid::Uuid, Path, description = "Id of the context")),
    responses(
        (status = 204, description = "Deleted"),
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
        (status = 200, description = "The number of deleted contexts", body = Deleted),
        (status = 400, description = "Not valid, or without a condition"),
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
        (status = 200, description = "The number of deleted contexts", body = Deleted),
    ),
)]
pub(super) async fn clear_contexts(call: Call, Json(body): Json<ClearBody>) -> Result<Json<Deleted>, Problem> {
    let deleted = call.clear(body.into_filter()?).await?;
    Ok(Json(Deleted { deleted }))
}

/// Delete a session at all levels
#[utoipa::path(
    delete, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "The number of deleted contexts", body = Deleted),
    ),
)]
pub(super) async fn delete_session(call: Call, Path(session_id): Path<String>) -> Result<Json<Deleted>, Problem> {
    let deleted = call.delete_session(session_id).await?;
    Ok(Json(Deleted { deleted }))
}

/// Forget a person
///
/// Deletes all contexts of a user at all levels, those derived from them, and all cached data. Repeats until nothing is
/// left. Restoring an older snapshot does not bring the contexts back.
#[utoipa::path(
    delete, path = "/users/{user_id}", tag = "contexts",
    params(("user_id" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "The number of forgotten contexts, with a receipt", body = ForgottenBody),
    ),
)]
pub(super) async fn forget_user(call: Call, Path(user_id): Path<String>) -> Result<Json<ForgottenBody>, Problem> {
    Ok(Json(call.forget_user(user_id).await?.into()))
}
