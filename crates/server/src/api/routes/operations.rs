//! Health, metrics and counts.

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use context_manager_observability::Health;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::ApiState;
use crate::api::wire::{HealthBody, StatsBody, health_body, stats_body};
use crate::auth::{Permission, Principal};
use crate::http::{Code, Json, Params, Problem};

/// How the server and its parts are
///
/// From the last check of each part, which happens in the background. `fresh=true` checks now, unless that was just done.
#[utoipa::path(
    get, path = "/health", tag = "operations",
    params(("fresh" = Option<bool>, Query, description = "Check now")),
    responses(
        (status = 200, description = "Serves requests", body = HealthBody),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Does not serve requests", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn get_health(
    State(state): State<ApiState>,
    mut params: Params,
) -> Result<Json<HealthBody>, Problem> {
    let fresh: bool = params.parse("fresh", "must be `true` or `false`").unwrap_or(false);
    params.finish()?;
    let health = if fresh {
        state.health.check_health_fresh().await
    } else {
        state.health.check_health()
    };
    if !health.is_ready() {
        return Err(not_ready(&health));
    }
    Ok(Json(health_body(&health, state.started)))
}

/// Whether the process runs
#[utoipa::path(
    get, path = "/health/live", tag = "operations",
    responses((status = 200, description = "It does", body = Answer)),
)]
pub(in crate::api) async fn get_liveness() -> Json<Answer> {
    Json(Answer { status: "up" })
}

/// Whether requests can be served
#[utoipa::path(
    get, path = "/health/ready", tag = "operations",
    responses(
        (status = 200, description = "They can", body = Answer),
        (status = 503, description = "Not yet, or not any more", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn get_readiness(State(state): State<ApiState>) -> Result<Json<Answer>, Problem> {
    let health = state.health.check_health();
    if health.is_ready() {
        Ok(Json(Answer { status: "ready" }))
    } else {
        Err(not_ready(&health))
    }
}

/// One word.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthAnswer)]
pub(in crate::api) struct Answer {
    status: &'static str,
}

fn not_ready(health: &Health) -> Problem {
    Problem::new(Code::ServiceUnavailable).with_detail(health.obstacles().join(", "))
}

/// What was measured, in Prometheus's text format
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
pub(in crate::api) async fn get_metrics(State(state): State<ApiState>) -> Response {
    let text = state.metrics.render();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}

/// What is stored
#[utoipa::path(get, path = "/stats", tag = "operations", responses((status = 200, description = "The counts", body = StatsBody)))]
pub(in crate::api) async fn get_stats(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<StatsBody>, Problem> {
    let counted = state.engine()?.stats(principal.scope()).await?;
    let uptime_secs = state.started.elapsed().as_secs();
    let guards = principal.may(Permission::Admin).then_some(&*state.guards);
    Ok(Json(stats_body(counted, uptime_secs, guards)))
}
