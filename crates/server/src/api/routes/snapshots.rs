//! Snapshots of the whole store, and going back to one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use context_manager_core::ports::{SnapshotError, Snapshots};

use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::wire::{RestoreBody, RestoredBody, SnapshotBody, SnapshotList, VerifiedBody};
use crate::http::{Code, Json, OptionalJson, Problem};

/// Make a snapshot
///
/// A consistent copy of everything that is stored, of all tenants, made while the server serves; writes wait for some
/// moments. The oldest snapshots beyond `snapshots.max_kept` are removed.
#[utoipa::path(
    post, path = "/admin/snapshots", tag = "operations",
    responses(
        (status = 201, description = "It is made", body = SnapshotBody),
        (status = 501, description = "The store makes snapshots in another way", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is too small", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn create_snapshot(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
) -> Result<(StatusCode, Json<SnapshotBody>), Problem> {
    let snapshot = snapshots(&state)?.create().await?;
    Ok((StatusCode::CREATED, Json(snapshot.into())))
}

/// List snapshots
#[utoipa::path(
    get, path = "/admin/snapshots", tag = "operations",
    responses(
        (status = 200, description = "The snapshots, newest first", body = SnapshotList),
        (status = 501, description = "The store makes snapshots in another way", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn list_snapshots(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
) -> Result<Json<SnapshotList>, Problem> {
    let listed = snapshots(&state)?.list().await?;
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
        (status = 404, description = "No such snapshot", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is damaged", body = Problem, content_type = "application/problem+json"),
        (status = 501, description = "The store makes snapshots in another way", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is too small", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn verify_snapshot(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
    Path(name): Path<String>,
) -> Result<Json<VerifiedBody>, Problem> {
    Ok(Json(snapshots(&state)?.verify(&name).await?.into()))
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
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such snapshot", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The snapshot is damaged, of another model, or what was deleted since is not known", body = Problem, content_type = "application/problem+json"),
        (status = 501, description = "The store makes snapshots in another way", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The disk is too small", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn restore_snapshot(
    State(state): State<ApiState>,
    Caller(_scope): Caller,
    Path(name): Path<String>,
    OptionalJson(body): OptionalJson<RestoreBody>,
) -> Result<Json<RestoredBody>, Problem> {
    let snapshots = snapshots(&state)?;
    let reembedding = Arc::clone(state.reembedding()?);
    let restored = state.write(|engine| async move {
        // It would go on in another state of the store than it began in.
        reembedding.stop().await;
        let restored = engine.restore(&*snapshots, &name, body.accept_erased).await;
        let resumed = reembedding.resume().await;
        // The error that is reported is the first one.
        if restored.is_ok() {
            resumed?;
        }
        Ok(restored)
    });
    Ok(Json(restored.await??.into()))
}

fn snapshots(state: &ApiState) -> Result<Arc<dyn Snapshots>, Problem> {
    state.snapshots()?.ok_or_else(|| {
        Problem::new(Code::NotImplemented).with_detail(
            "snapshots are of a data folder: a Qdrant server makes them itself, at /collections/{collection}/snapshots of \
             its HTTP port",
        )
    })
}

impl From<SnapshotError> for Problem {
    fn from(error: SnapshotError) -> Self {
        let code = match error {
            SnapshotError::Store(error) => return context_manager_core::Error::from(error).into(),
            SnapshotError::Files(source) => {
                tracing::error!(error = %source, "snapshots cannot be read or written");
                return Self::new(Code::Internal);
            }
            SnapshotError::NotFound => Code::NotFound,
            SnapshotError::Damaged(_) | SnapshotError::Unusable(_) | SnapshotError::ErasedUnknown(_) => Code::Conflict,
            SnapshotError::Busy => Code::ServiceUnavailable,
            SnapshotError::NoSpace { .. } => Code::InsufficientStorage,
        };
        Self::new(code).with_detail(error.to_string())
    }
}
