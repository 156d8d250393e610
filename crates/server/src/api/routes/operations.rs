//! Health, metrics, counts, garbage collection and the embedding model.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use context_manager_client::wire::HealthAnswer;
use context_manager_observability::Health;
use tokio::time::Instant;

use super::contexts::MAX_PAGE;
use crate::api::wire::{
    AuditAnswer, CallerAnswer, GcAnswer, GcBody, HealthBody, ReembedAnswer, StatsBody, audit_answer, caller_answer,
    health_body, reembed_answer, stats_body,
};
use crate::auth::Permission;
use crate::http::{Code, Json, OptionalJson, Params, Problem};
use crate::service::{Call, Service};

/// Get the health of the server and its parts
///
/// Serves the last result of each part's check, which runs in the background. `fresh=true` checks now, unless that was
/// just done.
#[utoipa::path(
    get, path = "/health", tag = "operations",
    params(("fresh" = Option<bool>, Query, description = "Check now")),
    responses(
        (status = 200, description = "The server serves requests", body = HealthBody),
        (status = 503, description = "The server does not serve requests"),
    ),
)]
pub(super) async fn get_health(
    State(service): State<Arc<Service>>,
    mut params: Params,
) -> Result<Json<HealthBody>, Problem> {
    let fresh: bool = params.parse("fresh", "must be `true` or `false`").unwrap_or(false);
    params.finish()?;
    let health = if fresh {
        service.health.check_health_fresh().await
    } else {
        service.health.check_health()
    };
    ready(&health)?;
    Ok(Json(health_body(&health, service.started)))
}

/// Check that the process runs
#[utoipa::path(
    get, path = "/health/live", tag = "operations",
    responses((status = 200, description = "The process runs", body = HealthAnswer)),
)]
pub(super) async fn get_liveness() -> Json<HealthAnswer> {
    Json(HealthAnswer {
        status: "up".to_owned(),
    })
}

/// Check that requests can be served
#[utoipa::path(
    get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, description = "The server is ready", body = HealthAnswer),
        (status = 503, description = "The server is starting, stopping or unhealthy"),
    ),
)]
pub(super) async fn get_readiness(State(service): State<Arc<Service>>) -> Result<Json<HealthAnswer>, Problem> {
    ready(&service.health.check_health())?;
    Ok(Json(HealthAnswer {
        status: "ready".to_owned(),
    }))
}

fn ready(health: &Health) -> Result<(), Problem> {
    if health.is_ready() {
        return Ok(());
    }
    Err(Problem::new(Code::ServiceUnavailable).with_detail(health.obstacles().join(", ")))
}

/// Get the metrics in Prometheus's text format
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
pub(super) async fn get_metrics(State(service): State<Arc<Service>>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], service.metrics.render()).into_response()
}

/// Get the caller, as the server knows it
#[utoipa::path(get, path = "/whoami", tag = "operations", responses((status = 200, description = "The caller", body = CallerAnswer)))]
pub(super) async fn get_caller(call: Call) -> Result<Json<CallerAnswer>, Problem> {
    let authentication = call.service().authenticator.needs_keys();
    Ok(Json(caller_answer(call.identity().await?, authentication)))
}

/// List the last audited calls
///
/// Those of every tenant since the start of the server, at most 1,000. The audit log keeps all.
#[utoipa::path(
    get, path = "/admin/audit", tag = "operations",
    params(("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 100")),
    responses((status = 200, description = "The calls, newest first", body = AuditAnswer)),
)]
pub(super) async fn list_audit(call: Call, mut params: Params) -> Result<Json<AuditAnswer>, Problem> {
    let limit = params.limit(100, MAX_PAGE);
    params.finish()?;
    let (calls, since) = call.audit(limit).await?;
    Ok(Json(audit_answer(calls, since)))
}

/// Count the stored contexts
#[utoipa::path(get, path = "/stats", tag = "operations", responses((status = 200, description = "The counts", body = StatsBody)))]
pub(super) async fn get_stats(call: Call) -> Result<Json<StatsBody>, Problem> {
    let counted = call.stats().await?;
    let service = call.service();
    let for_operator = call.may(Permission::Admin).then_some(&**service);
    Ok(Json(stats_body(
        counted,
        service.started.elapsed().as_secs(),
        for_operator,
    )))
}

/// Run garbage collection now (expired contexts and policies)
///
/// Collects garbage among the caller's contexts: short-term contexts become long-term when they are due, expired ones are
/// deleted, and policies are applied. A run that has begun ends, even if the client disconnects. With `dry_run` nothing is
/// changed, and the answer lists the changes that would be made.
#[utoipa::path(
    post, path = "/admin/gc", tag = "operations",
    request_body(content = Option<GcBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The changes that were or would be made", body = GcAnswer),
    ),
)]
pub(super) async fn collect_garbage(
    call: Call,
    OptionalJson(body): OptionalJson<GcBody>,
) -> Result<Json<GcAnswer>, Problem> {
    let start = Instant::now();
    let report = call.collect_garbage(body.dry_run).await?;
    Ok(Json(GcAnswer::new(report, body.dry_run, start.elapsed())))
}

/// Change to the other embedding model
///
/// Embeds every context of every tenant with the configured model that is not in use, while searches continue, and then
/// swaps the models. The old vectors stay, so that the same call swaps back. A change that runs already continues.
#[utoipa::path(
    post, path = "/admin/reembed", tag = "operations",
    responses(
        (status = 202, description = "The change runs", body = ReembedAnswer),
        (status = 409, description = "No other model is configured, or it cannot be reached, or the store keeps one model only"),
    ),
)]
pub(super) async fn start_reembedding(call: Call) -> Result<(StatusCode, Json<ReembedAnswer>), Problem> {
    Ok((
        StatusCode::ACCEPTED,
        Json(reembed_answer(call.start_reembedding().await?)),
    ))
}

/// Get the state of the change of the embedding model
#[utoipa::path(
    get, path = "/admin/reembed", tag = "operations",
    responses((status = 200, description = "The state", body = ReembedAnswer)),
)]
pub(super) async fn get_reembedding(call: Call) -> Result<Json<ReembedAnswer>, Problem> {
    Ok(Json(reembed_answer(call.reembedding().await?)))
}

/// Stop the change of the embedding model
///
/// Stops a change that runs, and removes the vectors of the model that is not in use. Going back to that model then means
/// embedding everything again.
#[utoipa::path(
    delete, path = "/admin/reembed", tag = "operations",
    responses((status = 204, description = "The other model's vectors are removed")),
)]
pub(super) async fn discard_reembedding(call: Call) -> Result<StatusCode, Problem> {
    call.discard_reembedding().await?;
    Ok(StatusCode::NO_CONTENT)
}
