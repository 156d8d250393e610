//! Keys, for operators.

use axum::extract::Path;
use axum::http::StatusCode;
use jiff::SignedDuration;

use crate::api::wire::{
    CreateKeyBody, CreatedKeyAnswer, KeyAnswer, KeyListAnswer, RotateKeyBody, key_answer, key_request,
};
use crate::http::{Json, OptionalJson, Problem};
use crate::service::Call;

/// Time that the old key of a rotation stays valid, unless the request says otherwise.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// Maximum of that time in seconds: a year.
const MAX_GRACE_SECS: u32 = 31_536_000;
type Created = (StatusCode, Json<CreatedKeyAnswer>);

/// List the keys
///
/// Those that `context-manager keys` or this API made; keys of the configuration are not among them.
#[utoipa::path(
    get, path = "/admin/keys", tag = "operations",
    responses((status = 200, description = "The keys, in the order of their creation", body = KeyListAnswer)),
)]
pub(super) async fn list_keys(call: Call) -> Result<Json<KeyListAnswer>, Problem> {
    let keys = call.keys().await?;
    Ok(Json(KeyListAnswer {
        keys: keys.into_iter().map(key_answer).collect(),
    }))
}

/// Create a key
///
/// Valid at once. On a server without keys it is the first one: from then on every call needs a key.
#[utoipa::path(
    post, path = "/admin/keys", tag = "operations", request_body = CreateKeyBody,
    responses((status = 201, description = "The key, shown this once", body = CreatedKeyAnswer)),
)]
pub(super) async fn create_key(call: Call, Json(body): Json<CreateKeyBody>) -> Result<Created, Problem> {
    let (key, record) = call.create_key(key_request(body)?).await?;
    Ok(created(key.expose().to_owned(), key_answer(record)))
}

/// Rotate a key
///
/// Creates a key for the same tenant and user with the same permissions, and lets the old one expire.
#[utoipa::path(
    post, path = "/admin/keys/{id}/rotate", tag = "operations",
    params(("id" = String, Path, description = "Id of the key")),
    request_body(content = Option<RotateKeyBody>, content_type = "application/json"),
    responses(
        (status = 201, description = "The new key, shown this once", body = CreatedKeyAnswer),
        (status = 404, description = "No such key"),
        (status = 409, description = "The key is revoked or expired"),
    ),
)]
pub(super) async fn rotate_key(
    call: Call,
    Path(id): Path<String>,
    OptionalJson(body): OptionalJson<RotateKeyBody>,
) -> Result<Created, Problem> {
    let grace = match body.grace_secs {
        Some(secs) if secs > MAX_GRACE_SECS => {
            let detail = format!("must be at most {MAX_GRACE_SECS}");
            return Err(Problem::invalid_field("/grace_secs", detail));
        }
        Some(secs) => SignedDuration::from_secs(secs.into()),
        None => GRACE,
    };
    let expires_at = body.expires_at.map(|time| time.0);
    let (key, record) = call.rotate_key(id, grace, expires_at).await?;
    Ok(created(key.expose().to_owned(), key_answer(record)))
}

/// Revoke a key
///
/// It is refused at once. Its record stays.
#[utoipa::path(
    delete, path = "/admin/keys/{id}", tag = "operations",
    params(("id" = String, Path, description = "Id of the key")),
    responses(
        (status = 200, description = "The revoked key", body = KeyAnswer),
        (status = 404, description = "No such key"),
    ),
)]
pub(super) async fn revoke_key(call: Call, Path(id): Path<String>) -> Result<Json<KeyAnswer>, Problem> {
    Ok(Json(key_answer(call.revoke_key(id).await?)))
}

fn created(key: String, record: KeyAnswer) -> Created {
    (StatusCode::CREATED, Json(CreatedKeyAnswer { key, record }))
}
