//! Health, metrics and counts.

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use context_manager_observability::{ComponentHealth, Status};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::ApiState;
use crate::api::wire::StatsBody;
use crate::auth::{Permission, Principal};
use crate::http::{Code, Json, Params, Problem};

/// How the server and its parts are.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Health {
    #[schema(value_type = String, example = "up")]
    status: Status,
    version: &'static str,
    uptime_secs: u64,
    #[schema(value_type = Vec<Object>)]
    components: Vec<ComponentHealth>,
}

/// How the server and its parts are
///
/// From the last probe of each part; `fresh=true` probes the store now.
#[utoipa::path(
    get, path = "/health", tag = "operations",
    params(("fresh" = Option<bool>, Query, description = "Probe now")),
    responses(
        (status = 200, description = "Serves requests", body = Health),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Does not serve requests", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn get_health(
    State(state): State<ApiState>,
    mut params: Params,
) -> Result<Json<Health>, Problem> {
    let fresh: bool = params.parse("fresh", "must be `true` or `false`").unwrap_or(false);
    params.finish()?;
    if fresh && let Some(services) = state.services.get() {
        services.probe(&state.probed).await;
    }
    if !state.health.is_ready() {
        return Err(not_ready(&state));
    }
    Ok(Json(Health {
        status: state.health.overall(),
        version: env!("CARGO_PKG_VERSION"),
        uptime_secs: state.started.elapsed().as_secs(),
        components: state.health.components(),
    }))
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
    if state.health.is_ready() {
        Ok(Json(Answer { status: "ready" }))
    } else {
        Err(not_ready(&state))
    }
}

/// One word.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthAnswer)]
pub(in crate::api) struct Answer {
    status: &'static str,
}

fn not_ready(state: &ApiState) -> Problem {
    let serves = |part: &ComponentHealth| matches!(part.status, Status::Up | Status::Degraded);
    let parts: Vec<String> = state
        .health
        .components()
        .iter()
        .filter(|part| !serves(part))
        .map(|part| format!("{} is {}", part.name, part.status))
        .collect();
    Problem::new(Code::ServiceUnavailable).with_detail(parts.join(", "))
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
    Ok(Json(StatsBody::new(counted, uptime_secs, guards)))
}
