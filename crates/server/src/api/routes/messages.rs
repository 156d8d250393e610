//! Messages of conversations.

use axum::extract::Path;
use context_manager_core::{Error, MAX_TOKENS};

use crate::api::wire::{BatchAnswer, BatchItem, Deleted, MessageList, MessagesBody, PoppedMessage};
use crate::auth::Permission;
use crate::http::{Json, Params, Problem};
use crate::service::Call;

const DEFAULT_MESSAGES: usize = 50;
const MAX_MESSAGES: usize = 1000;

/// Add messages to a conversation
///
/// Each becomes a context of level `immediate`, so that searches, `assemble` and the move between levels see it. Saying the
/// same again adds a message again. One bad message loses no other: each has its own status, in the order sent.
#[utoipa::path(
    post, path = "/sessions/{session_id}/messages", tag = "sessions", request_body = MessagesBody,
    params(("session_id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "The outcome of each message, in the order sent", body = BatchAnswer),
        (status = 400, description = "The batch is not valid as a whole"),
    ),
)]
pub(super) async fn store_messages(
    call: Call,
    Path(session_id): Path<String>,
    Json(body): Json<MessagesBody>,
) -> Result<Json<BatchAnswer>, Problem> {
    let contexts = (0..body.messages.len()).map(|at| body.context(&session_id, at));
    let contexts = contexts.map(|context| context.map_err(|found| Problem::from(Error::Invalid(found))));
    let stored = call.store_messages(contexts.collect()).await?;
    let may_read = call.may(Permission::Read);
    let results = stored.into_iter().map(|result| BatchItem::new(result, may_read));
    Ok(Json(BatchAnswer {
        results: results.collect(),
    }))
}

/// List the newest messages of a conversation, oldest first
#[utoipa::path(
    get, path = "/sessions/{session_id}/messages", tag = "sessions",
    params(
        ("session_id" = String, Path, description = "Id of the session"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 50; with only `max_tokens`, as many as fit, at most 1,000"),
        ("max_tokens" = Option<usize>, Query, minimum = 1, maximum = 1_000_000, description = "Maximum number of tokens of all texts together"),
    ),
    responses(
        (status = 200, description = "The messages as they were sent", body = MessageList),
    ),
)]
pub(super) async fn list_messages(
    call: Call,
    Path(session_id): Path<String>,
    mut params: Params,
) -> Result<Json<MessageList>, Problem> {
    let expected = format!("must be a whole number from 1 to {MAX_TOKENS}");
    let max_tokens: Option<usize> = params.parse("max_tokens", &expected);
    if max_tokens.is_some_and(|tokens| !(1..=MAX_TOKENS).contains(&tokens)) {
        params.error("max_tokens", &expected);
    }
    let default = if max_tokens.is_some() {
        MAX_MESSAGES
    } else {
        DEFAULT_MESSAGES
    };
    let limit = params.limit(default, MAX_MESSAGES);
    params.finish()?;
    let max_tokens = max_tokens.map(|tokens| tokens as u64);
    let contexts = call.messages(session_id, limit, max_tokens).await?;
    Ok(Json(MessageList::new(contexts)))
}

/// Take the newest message of a conversation away
///
/// Deletes it and returns it; `null` if there is none. No two calls get the same message.
#[utoipa::path(
    post, path = "/sessions/{session_id}/messages/pop", tag = "sessions",
    params(("session_id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "The message", body = PoppedMessage),
    ),
)]
pub(super) async fn pop_message(call: Call, Path(session_id): Path<String>) -> Result<Json<PoppedMessage>, Problem> {
    let popped = call.pop_message(session_id).await?;
    // A key that may not read must not learn what others wrote.
    let popped = PoppedMessage::new(popped);
    Ok(Json(if call.may(Permission::Read) {
        popped
    } else {
        PoppedMessage {
            message: None,
            ..popped
        }
    }))
}

/// Delete the messages of a conversation
///
/// Its other contexts stay.
#[utoipa::path(
    delete, path = "/sessions/{session_id}/messages", tag = "sessions",
    params(("session_id" = String, Path, description = "Id of the session")),
    responses(
        (status = 200, description = "The number of deleted messages", body = Deleted),
    ),
)]
pub(super) async fn clear_messages(call: Call, Path(session_id): Path<String>) -> Result<Json<Deleted>, Problem> {
    let deleted = call.clear_messages(session_id).await?;
    Ok(Json(Deleted { deleted }))
}
