//! Contexts under a key, and scopes.

use axum::http::StatusCode;
use axum::response::Response;
use context_manager_core::context::MAX_KEY_BYTES;
use context_manager_core::{Error, Name, Violations};

use super::contexts::{DEFAULT_PAGE, INVALID_CURSOR, MAX_PAGE, WordCursor, answer};
use crate::api::wire::{ContextBody, ForgottenBody, ScopePage, StoreBody, WrittenBody};
use crate::http::{Code, Json, Params, Problem};
use crate::service::Call;

/// Maximum number of segments that `depth` can ask for.
const MAX_DEPTH: usize = 16;

/// Store a context under a key
///
/// Replaces the context that has the key in the scope, if there is one: its id stays, and the version before stays in its
/// history. `scope` may be left out; `key` may not. `user_id`, `agent_id` and `session_id` that are left out stay as they are.
#[utoipa::path(
    put, path = "/contexts/by-key", tag = "contexts", request_body = StoreBody,
    responses(
        (status = 201, description = "Stored", body = WrittenBody, headers(("Location" = String, description = "Path of the context"))),
        (status = 200, description = "Replaced, or already stored", body = WrittenBody),
        (status = 403, description = "The tenant's quota is used up"),
        (status = 409, description = "The key belongs to another user, agent or session, or the id to another context"),
    ),
)]
pub(super) async fn store_context_by_key(call: Call, Json(body): Json<StoreBody>) -> Result<Response, Problem> {
    Ok(answer(call.store_by_key(body.into()).await?, &call))
}

/// Read the context of a key
#[utoipa::path(
    get, path = "/contexts/by-key", tag = "contexts",
    params(
        ("scope" = Option<String>, Query, description = "Scope of the key; without it, keys without a scope"),
        ("key" = String, Query, description = "The key"),
    ),
    responses(
        (status = 200, description = "The context", body = ContextBody),
        (status = 404, description = "No context has the key"),
    ),
)]
pub(super) async fn get_context_by_key(call: Call, params: Params) -> Result<Json<ContextBody>, Problem> {
    let found = call.get_by_key(name(params)?).await?;
    let none = || Problem::new(Code::NotFound).with_detail("no context has this key");
    Ok(Json(found.ok_or_else(none)?.into()))
}

/// Delete the context of a key
#[utoipa::path(
    delete, path = "/contexts/by-key", tag = "contexts",
    params(
        ("scope" = Option<String>, Query, description = "Scope of the key; without it, keys without a scope"),
        ("key" = String, Query, description = "The key"),
    ),
    responses(
        (status = 204, description = "Deleted, or never there"),
    ),
)]
pub(super) async fn delete_context_by_key(call: Call, params: Params) -> Result<StatusCode, Problem> {
    call.delete_by_key(name(params)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes scope and key from the parameters. An empty scope is none.
fn name(mut params: Params) -> Result<Name, Problem> {
    let scope = params.text("scope").filter(|scope| !scope.is_empty());
    let key = params.text("key");
    params.finish()?;
    let mut found = Violations::default();
    if let Some(scope) = &scope {
        found.scope_path("/scope", scope);
    }
    match &key {
        Some(key) => found.word("/key", key, MAX_KEY_BYTES),
        None => found.invalid("/key", "is required"),
    }
    found.into_result().map_err(Error::Invalid)?;
    Ok(Name {
        scope,
        key: key.unwrap_or_default(),
    })
}

/// List scopes, by path
///
/// With `depth`, paths are cut to that many segments below `prefix`, and count everything below them.
#[utoipa::path(
    get, path = "/scopes", tag = "scopes",
    params(
        ("prefix" = Option<String>, Query, description = "This scope and those below it only"),
        ("depth" = Option<usize>, Query, minimum = 1, maximum = 16, description = "Maximum number of segments below `prefix`"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "One page", body = ScopePage),
    ),
)]
pub(super) async fn list_scopes(call: Call, mut params: Params) -> Result<Json<ScopePage>, Problem> {
    let prefix = params.text("prefix").filter(|prefix| !prefix.is_empty());
    let expected = format!("must be a whole number from 1 to {MAX_DEPTH}");
    let depth: Option<usize> = params.parse("depth", &expected);
    if depth.is_some_and(|depth| !(1..=MAX_DEPTH).contains(&depth)) {
        params.error("depth", &expected);
    }
    let limit = params.limit(DEFAULT_PAGE, MAX_PAGE);
    let cursor: Option<WordCursor> = params.parse("cursor", INVALID_CURSOR);
    params.finish()?;
    if let Some(prefix) = &prefix {
        check_prefix(prefix)?;
    }
    let after = cursor.as_ref().map(WordCursor::word);
    let page = call.scopes(prefix, depth, after, limit).await?;
    Ok(Json(ScopePage {
        scopes: page.items.into_iter().map(Into::into).collect(),
        next_cursor: page.next.map(WordCursor::seal),
    }))
}

/// Forget a scope
///
/// Deletes all contexts of a scope and of those below it, and everything derived from them. Repeats until nothing is left.
/// Restoring an older snapshot does not bring the contexts back.
#[utoipa::path(
    delete, path = "/scopes", tag = "scopes",
    params(("prefix" = String, Query, description = "Path of the scope")),
    responses(
        (status = 200, description = "The number of forgotten contexts, with a receipt", body = ForgottenBody),
    ),
)]
pub(super) async fn forget_scope(call: Call, mut params: Params) -> Result<Json<ForgottenBody>, Problem> {
    let prefix = params.text("prefix").unwrap_or_default();
    params.finish()?;
    if prefix.is_empty() {
        return Err(Problem::invalid_field("/prefix", "is required"));
    }
    check_prefix(&prefix)?;
    Ok(Json(call.forget_scope(prefix).await?.into()))
}

fn check_prefix(prefix: &str) -> Result<(), Error> {
    let mut found = Violations::default();
    found.scope_path("/prefix", prefix);
    Ok(found.into_result()?)
}
