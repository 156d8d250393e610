//! Collecting what is over, now.

use axum::extract::State;
use context_manager_core::Error;

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::wire::{GcAnswer, GcBody};
use crate::http::{Code, Json, OptionalJson, Problem};
use crate::limits::current_turn;

/// Run garbage collection now (expired contexts and policies)
///
/// Runs one garbage collection of the caller's contexts, once begun to its end, whatever becomes of the request:
/// short-term contexts become long-term when they are due, expired ones are deleted, and policies are applied. With
/// `dry_run` nothing is changed, and the answer tells what would be.
#[utoipa::path(
    post, path = "/admin/gc", tag = "operations",
    request_body(content = Option<GcBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "What was done, or would be", body = GcAnswer),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn collect_garbage(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    OptionalJson(body): OptionalJson<GcBody>,
) -> Result<Json<GcAnswer>, Problem> {
    let collection = state.collection()?;
    let dry_run = body.dry_run;
    let start = tokio::time::Instant::now();
    let report = if dry_run {
        collection.preview(&scope).await
    } else {
        // Waited for here, where a client that goes away leaves the queue.
        let turn = collection.turn().await;
        let lane = current_turn();
        let run = state.writes.spawn(async move {
            let done = collection.run(&scope, turn).await;
            drop(lane);
            done
        });
        let report = run.await.map_err(|error| {
            tracing::error!(%error, "a garbage collection ended before its time");
            Problem::new(Code::Internal)
        })?;
        report.map_err(Error::from)?
    };
    let report = report.ok_or_else(|| Problem::new(Code::ServiceUnavailable))?;
    Ok(Json(GcAnswer::new(report, dry_run, start.elapsed())))
}
