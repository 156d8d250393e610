//! Search and assemble.

use axum::Extension;
use context_manager_core::{Error, Violations};
use tokio::time::Instant;

use crate::api::wire::{AssembleAnswer, AssembleBody, LayoutBody, SearchAnswer, SearchBody};
use crate::http::{Json, JsonParts, Problem, TimeLimit};
use crate::service::Call;

/// Find the contexts that answer a query
#[utoipa::path(
    post, path = "/contexts/search", tag = "contexts", request_body = SearchBody,
    responses(
        (status = 200, description = "The contexts, best first", body = SearchAnswer),
    ),
)]
pub(super) async fn search_contexts(
    call: Call,
    Extension(limit): Extension<TimeLimit>,
    Json(body): Json<SearchBody>,
) -> Result<Json<SearchAnswer>, Problem> {
    let start = Instant::now();
    let explain = body.explain;
    let mut found = Violations::default();
    let deadline = limit.answer_by(body.deadline_ms, &mut found);
    let mut request = body.into_request(&mut found);
    request.deadline = deadline;
    found.extend(request.validate());
    found.into_result().map_err(Error::Invalid)?;
    let response = call.search(request).await?;
    let took_ms = start.elapsed().as_secs_f64() * 1000.0;
    Ok(Json(SearchAnswer::new(response, explain, took_ms)))
}

/// Assemble the contexts that answer a query into one text for a prompt
///
/// The most stable contexts come first (pinned, then long-term, short-term and the session's own), so that a provider's
/// prompt cache can reuse the beginning. Stored text is quoted or escaped: it cannot break out of its block.
#[utoipa::path(
    post, path = "/contexts/assemble", tag = "contexts", request_body = AssembleBody,
    responses(
        (status = 200, description = "The text and its citations", body = AssembleAnswer),
    ),
)]
pub(super) async fn assemble_contexts(
    call: Call,
    Extension(limit): Extension<TimeLimit>,
    JsonParts(search, layout): JsonParts<SearchBody, LayoutBody>,
) -> Result<Json<AssembleAnswer>, Problem> {
    let explain = search.explain;
    let mut found = Violations::default();
    let deadline = limit.answer_by(search.deadline_ms, &mut found);
    let mut request = layout.into_request(search, &mut found);
    request.search.deadline = deadline;
    found.extend(request.validate());
    found.into_result().map_err(Error::Invalid)?;
    Ok(Json(AssembleAnswer::new(call.assemble(request).await?, explain)))
}
