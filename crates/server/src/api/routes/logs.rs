//! What is logged, while the server runs.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::http::{Json, Problem};

/// What is logged.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct LogFilter {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or `target=level` joined by commas, as `log.filter` of the
    /// configuration.
    #[schema(example = "info,context_manager_core=debug")]
    filter: String,
}

/// What is logged
#[utoipa::path(
    get, path = "/admin/log-filter", tag = "operations",
    responses((status = 200, description = "The filter", body = LogFilter)),
)]
pub(in crate::api) async fn get_log_filter(State(state): State<ApiState>, Caller(_scope): Caller) -> Json<LogFilter> {
    Json(LogFilter {
        filter: state.logs.filter(),
    })
}

/// Change what is logged
///
/// At once and until the server ends, which begins again with what is configured.
#[utoipa::path(
    put, path = "/admin/log-filter", tag = "operations", request_body = LogFilter,
    responses(
        (status = 200, description = "The filter that is in force now", body = LogFilter),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn set_log_filter(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
    Json(wanted): Json<LogFilter>,
) -> Result<Json<LogFilter>, Problem> {
    let before = state.logs.filter();
    let invalid = |_| Problem::invalid_field("/filter", "must be a level, or `target=level` joined by commas");
    state.logs.set_filter(&wanted.filter).map_err(invalid)?;
    tracing::warn!(before, now = wanted.filter, "what is logged was changed");
    Ok(Json(wanted))
}
