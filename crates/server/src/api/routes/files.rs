//! Commands of the memory tool.

use context_manager_core::Error;

use crate::api::wire::{FileAnswer, FileBody};
use crate::http::{Json, Problem};
use crate::service::Call;

/// Run a command of the memory tool
///
/// The body is the input of the tool `memory_20250818` as the model wrote it: `view`, `create`, `str_replace`, `insert`,
/// `delete` or `rename`, on files below `/memories`. The answer is the text that the tool returns to the model. A file is a
/// context whose key is its path. `view` needs the permission `read`, the others `write` as well.
#[utoipa::path(
    post, path = "/files", tag = "files", request_body = FileBody,
    responses(
        (status = 200, description = "The result; with `is_error` if the command was refused", body = FileAnswer),
        (status = 400, description = "No command of the tool"),
        (status = 403, description = "The key lacks a permission, or the tenant's quota is used up"),
    ),
)]
pub(super) async fn run_file_command(call: Call, Json(body): Json<FileBody>) -> Result<Json<FileAnswer>, Problem> {
    let (user_id, scope) = (body.user_id.clone(), body.scope.clone());
    let command = body.into_command().map_err(Error::Invalid)?;
    Ok(Json(call.run_file_command(command, user_id, scope).await?.into()))
}
