//! One handler a route. They read the request, call the engine and write the answer; decisions are the engine's.

mod contexts;
mod deletion;
mod logs;
mod operations;
mod reembed;
mod search;
mod sessions;

pub(super) use contexts::*;
pub(super) use deletion::*;
pub(super) use logs::*;
pub(super) use operations::*;
pub(super) use reembed::*;
pub(super) use search::*;
pub(super) use sessions::*;

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
