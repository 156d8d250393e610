//! `memory_forget`.

use context_manager_client::wire::Filter;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::arguments;
use super::definition::{Definition, Effect, Request};
use crate::memory::Fault;
use crate::reply::Reply;
use crate::schema::{Kind, required};

const MAX_IDS: usize = 100;

pub(super) const TOOL: Definition = Definition {
    name: "memory_forget",
    title: "Forget memories",
    description: "Delete exactly these contexts, for good. Call it when the user asks to forget something (\"forget \
        that\", \"delete what you know about\", \"that must not be stored\"): find the ids with memory_search or memory_list \
        first, and tell the user what you are about to delete if it is more than a few. Not for corrections: memory_store \
        with `supersedes` keeps the history. The reply counts what was deleted.",
    effect: Effect::Changes,
    input: &[required("ids", Kind::Texts, "Ids of the contexts, 1 to 100.")],
    output: &[required("deleted", Kind::Integer, "Number of deleted contexts.")],
    run: |request| Box::pin(forget(request)),
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    ids: Vec<Uuid>,
}

async fn forget(request: Request<'_>) -> Result<Reply, Fault> {
    let Arguments { ids } = arguments::read(request.arguments)?;
    let wanted = arguments::within("ids", Some(ids.len()), 1, MAX_IDS)?;
    let filter = request.owner.narrow(Filter {
        ids: Some(ids),
        ..Filter::default()
    });
    let deleted = request.memory.forget(&filter).await?;
    Ok(Reply {
        structured: json!({"deleted": deleted}),
        text: format!("Deleted {deleted} of {wanted}; any others did not exist."),
    })
}
