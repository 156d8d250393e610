//! Changing the embedding model.

use axum::extract::State;
use axum::http::StatusCode;
use context_manager_core::Error;

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::wire::{ReembedAnswer, reembed_answer};
use crate::http::{Code, Json, Problem};
use crate::reembedding::CannotReembed;

/// Change to the other embedding model
///
/// Gives every context of every tenant a vector of the configured model that is not in use, while searches go on, and then
/// lets that model take over. The vectors of the old one stay, so that the same call goes back. A change that runs already
/// goes on.
#[utoipa::path(
    post, path = "/admin/reembed", tag = "operations",
    responses(
        (status = 202, description = "It runs", body = ReembedAnswer),
        (status = 409, description = "No other model is configured, or it cannot be reached, or the store keeps one model only", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn start_reembedding(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
) -> Result<(StatusCode, Json<ReembedAnswer>), Problem> {
    let reembedding = state.reembedding()?;
    reembedding.start().await.map_err(|error| match error {
        CannotReembed::NoOtherModel | CannotReembed::NotHere => {
            Problem::new(Code::Conflict).with_detail(error.to_string())
        }
        CannotReembed::Store(error) => Error::from(error).into(),
    })?;
    Ok((StatusCode::ACCEPTED, Json(reembed_answer(reembedding.status()))))
}

/// How the change of the embedding model stands
#[utoipa::path(
    get, path = "/admin/reembed", tag = "operations",
    responses((status = 200, description = "How it stands", body = ReembedAnswer)),
)]
pub(in crate::api) async fn get_reembedding(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
) -> Result<Json<ReembedAnswer>, Problem> {
    Ok(Json(reembed_answer(state.reembedding()?.status())))
}

/// Stop the change of the embedding model
///
/// Stops a change that runs, and removes the vectors of the model that is not in use: after a change there is then no way
/// back but embedding everything again.
#[utoipa::path(
    delete, path = "/admin/reembed", tag = "operations",
    responses((status = 204, description = "Only the vectors of the model in use are left")),
)]
pub(in crate::api) async fn discard_reembedding(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
) -> Result<StatusCode, Problem> {
    state.reembedding()?.discard().await.map_err(Error::from)?;
    Ok(StatusCode::NO_CONTENT)
}
