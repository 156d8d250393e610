//! Snapshots of the whole store, and going back to one.

use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::{RestoreBody, RestoredBody, SnapshotBody, SnapshotList, VerifiedBody};
use crate::http::{Json, OptionalJson, Problem};
use crate::service::Call;

/// Make a snapshot
///
/// A consistent copy of everything that is stored, of all tenants, made while the server serves; writes wait for some
/// moments. The oldest snapshots beyond `snapshots.max_kept` are removed.
#[utoipa::path(
    post, path = "/admin/snapshots", tag = "operations",
    responses(
        (status = 201, description = "It is made", body = SnapshotBody),
        (status = 501, description = "The store makes snapshots in another way"),
        (status = 507, description = "The disk is too small"),
    ),
)]
pub(super) async fn create_snapshot(call: Call) -> Result<(StatusCode, Json<SnapshotBody>), Problem> {
    Ok((StatusCode::CREATED, Json(call.create_snapshot().await?.into())))
}

/// List snapshots
#[utoipa::path(
    get, path = "/admin/snapshots", tag = "operations",
    responses(
        (status = 200, description = "The snapshots, newest first", body = SnapshotList),
        (status = 501, description = "The store makes snapshots in another way"),
    ),
)]
pub(super) async fn list_snapshots(call: Call) -> Result<Json<SnapshotList>, Problem> {
    let listed = call.snapshots().await?;
    Ok(Json(SnapshotList {
        snapshots: listed.into_iter().map(Into::into).collect(),
    }))
}

/// Verify a snapshot
///
/// Opens a copy of it, and compares its files and what is in it with what was written down when it was made.
#[utoipa::path(
    post, path = "/admin/snapshots/{name}/verify", tag = "operations",
    params(("name" = String, Path, description = "Name of the snapshot")),
    responses(
        (status = 200, description = "It is what it was", body = VerifiedBody),
        (status = 404, description = "No such snapshot"),
        (status = 409, description = "It is damaged"),
        (status = 501, description = "The store makes snapshots in another way"),
        (status = 507, description = "The disk is too small"),
    ),
)]
pub(super) async fn verify_snapshot(call: Call, Path(name): Path<String>) -> Result<Json<VerifiedBody>, Problem> {
    Ok(Json(call.verify_snapshot(&name).await?.into()))
}

/// Go back to a snapshot
///
/// Sets the whole store, of all tenants, back to what it was. Calls go on while the snapshot is checked and copied, and
/// wait while it takes over. What was deleted after it was made is deleted again.
#[utoipa::path(
    post, path = "/admin/snapshots/{name}/restore", tag = "operations",
    params(("name" = String, Path, description = "Name of the snapshot")),
    request_body(content = Option<RestoreBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The store is what it was", body = RestoredBody),
        (status = 404, description = "No such snapshot"),
        (status = 409, description = "The snapshot is damaged, of another model, or what was deleted since is not known"),
        (status = 501, description = "The store makes snapshots in another way"),
        (status = 507, description = "The disk is too small"),
    ),
)]
pub(super) async fn restore_snapshot(
    call: Call,
    Path(name): Path<String>,
    OptionalJson(body): OptionalJson<RestoreBody>,
) -> Result<Json<RestoredBody>, Problem> {
    Ok(Json(call.restore_snapshot(name, body.accept_erased).await?.into()))
}
