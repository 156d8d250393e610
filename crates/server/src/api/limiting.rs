//! Counting calls: which caller, and what kind of call.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiState;
use crate::auth::{Permission, Principal};
use crate::http::Problem;
use crate::limits::{CallKind, CallerKey, Standing, limited, with_headers};

/// Counts a call for its key and its tenant, and turns it away when there are too many. What takes no key is counted by
/// address only.
pub(super) async fn limit_caller(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let (Some(principal), Some(permission)) = (extensions.get::<Principal>(), extensions.get::<Permission>()) else {
        return next.run(request).await;
    };
    let Some(kind) = kind(*permission) else {
        return next.run(request).await;
    };
    let caller = CallerKey::new(principal.scope().tenant().clone(), Arc::clone(principal.key_id()));
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

/// How a call is counted; metrics and health are not.
fn kind(permission: Permission) -> Option<CallKind> {
    match permission {
        Permission::Read => Some(CallKind::Read),
        Permission::Write => Some(CallKind::Write),
        Permission::Admin | Permission::TenantAdmin => Some(CallKind::Admin),
        Permission::Metrics => None,
    }
}
