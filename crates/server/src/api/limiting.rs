//! Counting calls: which caller, and what kind of call.

use std::num::NonZeroU32;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiState;
use crate::http::Problem;
use crate::limits::{CallKind, CallerKey, Standing, limited, with_headers};

/// What is asked of a tenant's data or of the server itself; everything else is counted by address only.
const COUNTED: &str = "/api/v1/";
/// Paths that only read although they are posted to.
const READ_BY_POST: [&str; 2] = ["/api/v1/contexts/search", "/api/v1/contexts/assemble"];

/// Counts a call for its key and its tenant, and turns it away when there are too many.
pub(super) async fn limit_caller(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with(COUNTED) {
        return next.run(request).await;
    }
    let kind = kind(request.method(), path);
    let caller = CallerKey::new(state.anonymous.tenant().clone(), None);
    match state.guards.rates.charge(&caller, kind, NonZeroU32::MIN) {
        Ok(standing) => {
            request.extensions_mut().insert(caller);
            with_headers(next.run(request).await, &standing)
        }
        Err(refusal) => limited(&refusal).into_response(),
    }
}

/// What more a call costs once its size is known.
#[derive(Debug)]
pub(super) struct Weight {
    state: ApiState,
    caller: Option<CallerKey>,
}

impl Weight {
    /// Counts the call as `contexts` writes instead of one.
    ///
    /// # Errors
    /// 429 when that is more than the caller may do now.
    pub(super) fn of_writes(&self, contexts: usize) -> Result<Option<Standing>, Problem> {
        let more = u32::try_from(contexts).unwrap_or(u32::MAX).saturating_sub(1);
        let (Some(caller), Some(more)) = (&self.caller, NonZeroU32::new(more)) else {
            return Ok(None);
        };
        let charged = self.state.guards.rates.charge(caller, CallKind::Write, more);
        charged.map(Some).map_err(|refusal| limited(&refusal))
    }
}

impl FromRequestParts<ApiState> for Weight {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Self::Rejection> {
        Ok(Self {
            state: state.clone(),
            caller: parts.extensions.get().cloned(),
        })
    }
}

fn kind(method: &Method, path: &str) -> CallKind {
    if path.starts_with("/api/v1/admin/") {
        CallKind::Admin
    } else if method == Method::GET || method == Method::HEAD || READ_BY_POST.contains(&path) {
        CallKind::Read
    } else {
        CallKind::Write
    }
}
