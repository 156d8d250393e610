//! Collecting what is over, now.

use axum::extract::State;
use context_manager_core::Error;

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::wire::{GcAnswer, GcBody};
use crate::http::{Code, Json, Problem};

/// Collect what is over
///
/// Runs one collection of the caller's contexts now, once begun to its end, whatever becomes of the request: expired
/// contexts go, become long-term or are made into fewer, and policies are applied. With `dry_run` nothing is changed, and
/// the answer tells what would be.
#[utoipa::path(
    post, path = "/admin/gc", tag = "operations", request_body = GcBody,
    responses(
        (status = 200, description = "What was done, or would be", body = GcAnswer),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn collect_garbage(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Json(body): Json<GcBody>,
) -> Result<Json<GcAnswer>, Problem> {
    let collection = state.collection()?;
    let dry_run = body.dry_run;
    let start = tokio::time::Instant::now();
    let report = if dry_run {
        collection.preview(&scope).await
    } else {
        // Waited for here, where a client that goes away leaves the queue.
        let turn = collection.turn().await;
        let run = state.writes.spawn(async move { collection.run(&scope, turn).await });
        let report = run.await.map_err(|error| {
            tracing::error!(%error, "a collection ended before its time");
            Problem::new(Code::Internal)
        })?;
        report.map_err(Error::from)?
    };
    let report = report.ok_or_else(|| Problem::new(Code::ServiceUnavailable))?;
    Ok(Json(GcAnswer::new(report, dry_run, start.elapsed())))
}
