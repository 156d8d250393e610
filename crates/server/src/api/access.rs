//! Who is calling: the only place that makes a [`Scope`] for a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use context_manager_core::Scope;

use super::ApiState;
use crate::http::Problem;

/// An authenticated caller.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Scope);

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &ApiState) -> Result<Self, Self::Rejection> {
        Ok(Self(state.anonymous.clone()))
    }
}
