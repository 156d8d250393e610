//! Snapshots of the whole store, and going back to one.

use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::wire::{RestoreBody, RestoredBody, SnapshotBody, SnapshotList, VerifiedBody};
use crate::http::{Json, OptionalJson, Problem};
use crate::service::Call;

/// Create a snapshot
///
/// Copies the whole store with all tenants consistently, while the server serves; writes pause for a moment. Removes the
/// oldest snapshots beyond `snapshots.max_kept`.
#[utoipa::path(
    post, path = "/admin/snapshots", tag = "operations",
    responses(
        (status = 201, description = "The new snapshot", body = SnapshotBody),
        (status = 501, description = "The store has its own snapshots"),
        (status = 507, description = "Too little free disk space"),
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
        (status = 501, description = "The store has its own snapshots"),
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
/// Opens a copy, and compares its files and contents with those recorded when the snapshot was created.
#[utoipa::path(
    post, path = "/admin/snapshots/{name}/verify", tag = "operations",
    params(("name" = String, Path, description = "Name of the snapshot")),
    responses(
        (status = 200, description = "The snapshot is undamaged", body = VerifiedBody),
        (status = 404, description = "No such snapshot"),
        (status = 409, description = "The snapshot is damaged"),
        (status = 501, description = "The store has its own snapshots"),
        (status = 507, description = "Too little free disk space"),
    ),
)]
pub(super) async fn verify_snapshot(call: Call, Path(name): Path<String>) -> Result<Json<VerifiedBody>, Problem> {
    Ok(Json(call.verify_snapshot(&name).await?.into()))
}

/// Restore a snapshot
///
/// Sets the whole store with all tenants back to the snapshot. Calls continue while the snapshot is checked and copied, and
/// wait while it is swapped in. Contexts deleted after the snapshot was created are deleted again.
#[utoipa::path(
    post, path = "/admin/snapshots/{name}/restore", tag = "operations",
    params(("name" = String, Path, description = "Name of the snapshot")),
    request_body(content = Option<RestoreBody>, content_type = "application/json"),
    responses(
        (status = 200, description = "The store was restored", body = RestoredBody),
        (status = 404, description = "No such snapshot"),
        (status = 409, description = "The snapshot is damaged or of another model, or the log of later deletions is incomplete"),
        (status = 501, description = "The store has its own snapshots"),
        (status = 507, description = "Too little free disk space"),
    ),
)]
pub(super) async fn restore_snapshot(
    call: Call,
    Path(name): Path<String>,
    OptionalJson(body): OptionalJson<RestoreBody>,
) -> Result<Json<RestoredBody>, Problem> {
    Ok(Json(call.restore_snapshot(name, body.accept_erased).await?.into()))
}
