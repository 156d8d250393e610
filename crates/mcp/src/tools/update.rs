//! `memory_update`.

use context_manager_client::wire::{ContextPatch, Level};
use serde::Deserialize;
use uuid::Uuid;

use super::arguments;
use super::definition::{Definition, Effect, Request};
use super::fields::{LEVELS, WRITTEN};
use super::get::owned;
use super::store::reply;
use crate::memory::Fault;
use crate::reply::Reply;
use crate::schema::{Kind, field, required};

pub(super) const TOOL: Definition = Definition {
    name: "memory_update",
    title: "Change a memory",
    description: "Change a stored context in place: a typo in its text, its tags, importance, expiry or level. Call it when \
        a memory is worded wrongly or is to be kept longer or shorter (\"keep that for good\", \"that matters\"). Not when the \
        facts themselves changed: then call memory_store with `supersedes`, which keeps what was true before. Fields that are \
        left out keep their values.",
    effect: Effect::Changes,
    input: &[
        required("id", Kind::Text, "Id of the context."),
        field("text", Kind::Text, "New text, which replaces the old one."),
        field("tags", Kind::Texts, "New tags, which replace all old ones."),
        field("importance", Kind::Number, "New importance, 0 to 1."),
        field("pinned", Kind::Flag, "Keep it from expiry, or stop doing so."),
        field("ttl_secs", Kind::Integer, "Seconds from now until it is forgotten."),
        field("level", LEVELS, "New level of memory."),
    ],
    output: WRITTEN,
    run: |request| Box::pin(update(request)),
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    id: Uuid,
    text: Option<String>,
    tags: Option<Vec<String>>,
    importance: Option<f32>,
    pinned: Option<bool>,
    ttl_secs: Option<u64>,
    level: Option<Level>,
}

async fn update(request: Request<'_>) -> Result<Reply, Fault> {
    let arguments: Arguments = arguments::read(request.arguments)?;
    if !request.owner.is_anybody() && owned(request.memory, request.owner, arguments.id).await?.is_none() {
        return Err(Fault::not_found());
    }
    let patch = ContextPatch {
        text: arguments.text,
        tags: arguments.tags,
        importance: arguments.importance,
        pinned: arguments.pinned,
        ttl_secs: arguments.ttl_secs,
        level: arguments.level,
        ..ContextPatch::default()
    };
    Ok(reply(&request.memory.update(arguments.id, &patch).await?, "Changed"))
}
