//! The filter of the log, while the server runs.

use context_manager_client::wire::LogFilter;

use crate::http::{Json, Problem};
use crate::service::Call;

/// Get the log filter
#[utoipa::path(
    get, path = "/admin/log-filter", tag = "operations",
    responses((status = 200, description = "The filter", body = LogFilter)),
)]
pub(super) async fn get_log_filter(call: Call) -> Result<Json<LogFilter>, Problem> {
    let filter = call.log_filter().await?;
    Ok(Json(LogFilter { filter }))
}

/// Change the log filter
///
/// Takes effect at once, and lasts until the server ends.
#[utoipa::path(
    put, path = "/admin/log-filter", tag = "operations", request_body = LogFilter,
    responses(
        (status = 200, description = "The new filter", body = LogFilter),
    ),
)]
pub(super) async fn set_log_filter(call: Call, Json(wanted): Json<LogFilter>) -> Result<Json<LogFilter>, Problem> {
    call.set_log_filter(&wanted.filter).await?;
    Ok(Json(wanted))
}
