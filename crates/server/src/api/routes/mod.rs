//! One handler for each route. It reads the request, makes the call and writes the answer; decisions are the service's.

mod contexts;
mod deletion;
mod documents;
mod events;
mod files;
mod keys;
mod logs;
mod messages;
mod named;
mod operations;
mod search;
mod snapshots;
mod transfer;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::{Code, Problem};
use crate::service::Service;

pub(super) use transfer::StreamLimits;

/// Every route that the OpenAPI document describes. The name of a handler is that of its use case.
pub(super) fn all() -> OpenApiRouter<Arc<Service>> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(contexts::list_contexts, contexts::store_context))
        .routes(routes!(contexts::store_contexts))
        .routes(routes!(
            contexts::get_context,
            contexts::update_context,
            deletion::delete_context
        ))
        .routes(routes!(
            named::store_context_by_key,
            named::get_context_by_key,
            named::delete_context_by_key
        ))
        .routes(routes!(contexts::get_context_history))
        .routes(routes!(contexts::undo_context))
        .routes(routes!(search::search_contexts))
        .routes(routes!(search::assemble_contexts))
        .routes(routes!(contexts::count_contexts))
        .routes(routes!(contexts::get_map))
        .routes(routes!(deletion::delete_contexts))
        .routes(routes!(deletion::clear_contexts))
        .routes(routes!(contexts::list_sessions))
        .routes(routes!(deletion::delete_session))
        .routes(routes!(
            messages::store_messages,
            messages::list_messages,
            messages::clear_messages
        ))
        .routes(routes!(messages::pop_message))
        .routes(routes!(files::run_file_command))
        .routes(routes!(events::stream_events))
        .routes(routes!(documents::store_document, documents::list_documents))
        .routes(routes!(documents::get_document, documents::delete_document))
        .routes(routes!(named::list_scopes, named::forget_scope))
        .routes(routes!(deletion::forget_user))
        .routes(routes!(operations::get_caller))
        .routes(routes!(operations::get_stats))
        .routes(routes!(operations::collect_garbage))
        .routes(routes!(
            operations::start_reembedding,
            operations::get_reembedding,
            operations::discard_reembedding
        ))
        .routes(routes!(snapshots::create_snapshot, snapshots::list_snapshots))
        .routes(routes!(snapshots::verify_snapshot))
        .routes(routes!(snapshots::restore_snapshot))
        .routes(routes!(transfer::export_contexts))
        .routes(routes!(transfer::import_contexts))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::rotate_key))
        .routes(routes!(keys::revoke_key))
        .routes(routes!(operations::list_audit))
        .routes(routes!(logs::get_log_filter, logs::set_log_filter));
    OpenApiRouter::new()
        .nest("/api/v1", v1)
        .routes(routes!(operations::get_health))
        .routes(routes!(operations::get_liveness))
        .routes(routes!(operations::get_readiness))
        .routes(routes!(operations::get_metrics))
}

/// Answers requests for unknown paths.
pub(super) async fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}
