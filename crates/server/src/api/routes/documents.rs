//! Documents.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::{Cursor, DocumentStored, Error, Filter, Violations};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::contexts::{DEFAULT_PAGE, INVALID_CURSOR, MAX_PAGE};
use crate::api::wire::{Deleted, DocumentAnswer, DocumentBody, DocumentPage, DocumentSummary};
use crate::http::{Code, Json, Params, Problem};
use crate::service::Call;

/// Store a document
///
/// It is cut by its structure into contexts, each with its offset and the headings around it. Storing under the same id
/// replaces the whole document; the same document sent again changes nothing. Documents of two users may have the same id.
#[utoipa::path(
    post, path = "/documents", tag = "documents", request_body = DocumentBody,
    responses(
        (status = 201, description = "Stored, or replaced", body = DocumentAnswer, headers(("Location" = String, description = "Path of the document"))),
        (status = 200, description = "Unchanged", body = DocumentAnswer),
        (status = 403, description = "The tenant's quota is used up"),
    ),
)]
pub(super) async fn store_document(call: Call, Json(body): Json<DocumentBody>) -> Result<Response, Problem> {
    let outcome = call.store_document(body.into()).await?;
    let path = format!(
        "/api/v1/documents/{}",
        utf8_percent_encode(&outcome.id, NON_ALPHANUMERIC)
    );
    let body = Json(DocumentAnswer {
        id: outcome.id,
        contexts: outcome.contexts as u64,
        bytes: outcome.bytes,
    });
    Ok(match outcome.stored {
        DocumentStored::Stored => (StatusCode::CREATED, [(header::LOCATION, path)], body).into_response(),
        DocumentStored::Unchanged => body.into_response(),
    })
}

/// List documents, newest first
#[utoipa::path(
    get, path = "/documents", tag = "documents",
    params(
        ("user_id" = Option<String>, Query, description = "Documents of this user only"),
        ("scope_prefix" = Option<String>, Query, description = "Documents of this scope and of those below it only"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the previous page"),
    ),
    responses(
        (status = 200, description = "One page", body = DocumentPage),
    ),
)]
pub(super) async fn list_documents(call: Call, mut params: Params) -> Result<Json<DocumentPage>, Problem> {
    let limit = params.limit(DEFAULT_PAGE, MAX_PAGE);
    let cursor: Option<Cursor> = params.parse("cursor", INVALID_CURSOR);
    let filter = Filter {
        user_id: params.text("user_id"),
        scope_prefix: params.text("scope_prefix"),
        ..Filter::default()
    };
    params.finish()?;
    let mut found = Violations::default();
    if let Some(user_id) = &filter.user_id {
        found.word("/user_id", user_id, MAX_ID_BYTES);
    }
    if let Some(prefix) = &filter.scope_prefix {
        found.scope_path("/scope_prefix", prefix);
    }
    found.into_result().map_err(Error::Invalid)?;
    let page = call.documents(filter, cursor, limit).await?;
    Ok(Json(DocumentPage {
        documents: page.items.into_iter().filter_map(DocumentSummary::of).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Read a document's summary
///
/// Its parts are contexts: find them with `filter.document_id`.
#[utoipa::path(
    get, path = "/documents/{id}", tag = "documents", params(("id" = String, Path, description = "Id of the document")),
    responses(
        (status = 200, description = "The document", body = DocumentSummary),
        (status = 404, description = "No such document"),
    ),
)]
pub(super) async fn get_document(call: Call, Path(id): Path<String>) -> Result<Json<DocumentSummary>, Problem> {
    let first = call.document(id).await?;
    let none = || Problem::new(Code::NotFound).with_detail("there is no such document");
    Ok(Json(first.and_then(DocumentSummary::of).ok_or_else(none)?))
}

/// Delete a document
#[utoipa::path(
    delete, path = "/documents/{id}", tag = "documents", params(("id" = String, Path, description = "Id of the document")),
    responses(
        (status = 200, description = "The number of deleted contexts", body = Deleted),
    ),
)]
pub(super) async fn delete_document(call: Call, Path(id): Path<String>) -> Result<Json<Deleted>, Problem> {
    let deleted = call.delete_document(id).await?;
    Ok(Json(Deleted { deleted }))
}
