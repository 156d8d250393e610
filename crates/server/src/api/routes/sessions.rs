//! Sessions as a whole.

use axum::Extension;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::{Error, Filter, Violations, seal, unseal};

use super::deletion::delete;
use crate::api::ApiState;
use crate::api::access::Caller;
use crate::api::wire::{Deleted, SessionPage};
use crate::audit::Affected;
use crate::http::{Json, Params, Problem};

const DEFAULT_PAGE: usize = 50;
const MAX_PAGE: usize = 1000;

/// List sessions, by id
#[utoipa::path(
    get, path = "/sessions", tag = "sessions",
    params(
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "One page", body = SessionPage),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn list_sessions(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    mut params: Params,
) -> Result<Json<SessionPage>, Problem> {
    let limit = params.limit(DEFAULT_PAGE, MAX_PAGE);
    let cursor: Option<SessionCursor> = params.parse("cursor", "must be a `next_cursor` that this server gave out");
    params.finish()?;
    let after = cursor.map(|cursor| cursor.0);
    let page = state.engine()?.sessions(&scope, after.as_deref(), limit).await?;
    Ok(Json(SessionPage {
        sessions: page.items.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(|session_id| seal(&URL_SAFE_NO_PAD.encode(session_id))),
    }))
}

/// Forget a session, at all levels
#[utoipa::path(
    delete, path = "/sessions/{session_id}", tag = "sessions",
    params(("session_id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "How many contexts were deleted", body = Deleted),
        (status = 400, description = "Not valid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(in crate::api) async fn delete_session(
    State(state): State<ApiState>,
    Caller(scope): Caller,
    Path(session_id): Path<String>,
) -> Result<(Extension<Affected>, Json<Deleted>), Problem> {
    let mut found = Violations::default();
    found.word("/session_id", &session_id, MAX_ID_BYTES);
    found.into_result().map_err(Error::Invalid)?;
    let filter = Filter {
        session_id: Some(session_id),
        ..Filter::default()
    };
    delete(&state, scope, filter).await
}

/// The last session of a page; encoded, so that clients take it as it is.
struct SessionCursor(String);

impl std::str::FromStr for SessionCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(unseal(text).ok_or(())?).map_err(|_| ())?;
        let session_id = String::from_utf8(bytes).map_err(|_| ())?;
        if session_id.is_empty() {
            return Err(());
        }
        Ok(Self(session_id))
    }
}
