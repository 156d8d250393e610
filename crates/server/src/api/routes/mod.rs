//! One handler a route. They read the request, call the engine and write the answer; decisions are the engine's.

mod contexts;
mod deletion;
mod gc;
mod logs;
mod operations;
mod reembed;
mod search;
mod sessions;
mod snapshots;
mod transfer;
mod users;

pub(super) use contexts::*;
pub(super) use deletion::*;
pub(super) use gc::*;
pub(super) use logs::*;
pub(super) use operations::*;
pub(super) use reembed::*;
pub(super) use search::*;
pub(super) use sessions::*;
pub(super) use snapshots::*;
pub(super) use transfer::*;
pub(super) use users::*;

use axum::Json;

use super::document;
use crate::http::{Code, Problem};

/// The OpenAPI document.
pub(super) async fn openapi_json() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}

/// A path that is not one of ours.
pub(super) async fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}
