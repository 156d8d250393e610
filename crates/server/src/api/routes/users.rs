//! Persons as a whole.

use axum::Extension;
use axum::extract::{Path, State};
use sha2::{Digest, Sha256};

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::wire::ForgottenBody;
use crate::audit::Affected;
use crate::http::{Json, Problem};

/// Forget a person
///
/// Deletes all contexts of a user at all levels, and what was made from them, and everything in memory about them. Looks
/// again until nothing is left. Snapshots made before do not bring them back.
#[utoipa::path(
    delete, path = "/users/{user_id}", tag = "contexts",
    params(("user_id" = String, Path, description = "Id of the user")),
    responses(
        (status = 200, description = "What was forgotten", body = ForgottenBody),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn forget_user(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Path(user_id): Path<String>,
) -> Result<(Extension<Affected>, Json<ForgottenBody>), Problem> {
    let tenant = scope.tenant().clone();
    let forgotten = state
        .write({
            let user_id = user_id.clone();
            |engine| async move { engine.forget_user(&scope, &user_id).await }
        })
        .await?;
    let affected = Affected {
        contexts: forgotten.deleted(),
        // Not the id: the audit log is not to keep what is being forgotten.
        what: format!(
            "user_sha256={:x} derived={} receipt={}",
            Sha256::digest(format!("{}\n{user_id}\n", tenant.as_str())),
            forgotten.derived,
            forgotten.receipt.hash,
        ),
    };
    Ok((Extension(affected), Json(forgotten.into())))
}
