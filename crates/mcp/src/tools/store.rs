//! `memory_store`.

use context_manager_client::wire::{Level, NewContext, Origin, Time, Written};
use context_manager_core::Moment;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::arguments::{self, moment};
use super::definition::{Definition, Effect, Request};
use super::fields::{LEVELS, WRITTEN};
use super::get::owned;
use crate::memory::Fault;
use crate::reply::Reply;
use crate::schema::{Kind, field, required};

pub(super) const TOOL: Definition = Definition {
    name: "memory_store",
    title: "Store a memory",
    description: "Keep one durable fact, preference, decision, constraint or correction, in one self-contained sentence \
        with names and dates (\"Ann's team deploys on Tuesdays since 2026-03\"). Call it in the same turn in which the user \
        states it, and whenever the user says \"remember\", \"from now on\", \"always\", \"never\", \"I prefer\". One fact a call. \
        Not for the steps of the current task, not for secrets or keys, not for text that is stored already. To correct \
        something pass the old id in `supersedes`: then only the new text is found.",
    effect: Effect::Adds,
    input: &[
        required(
            "text",
            Kind::Text,
            "One fact in one sentence that is understood without this conversation.",
        ),
        field("tags", Kind::Texts, "A few tags, such as preference, decision, person."),
        field(
            "supersedes",
            Kind::Texts,
            "Ids of contexts that this one corrects or replaces.",
        ),
        field("importance", Kind::Number, "0 to 1. Default 0.5."),
        field(
            "occurred_at",
            Kind::Text,
            "Time of the event, if not now: a date such as 2026-01-31, or RFC 3339.",
        ),
        field(
            "ttl_secs",
            Kind::Integer,
            "Seconds until it is forgotten, for what is true for a while only.",
        ),
        field("level", LEVELS, "Level of memory. Default long_term."),
        field(
            "session_id",
            Kind::Text,
            "Id of the conversation it belongs to, if known.",
        ),
        field("pinned", Kind::Flag, "Keep it from expiry. Default false."),
    ],
    output: WRITTEN,
    run: |request| Box::pin(store(request)),
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    text: String,
    tags: Option<Vec<String>>,
    supersedes: Option<Vec<Uuid>>,
    importance: Option<f32>,
    #[serde(default, deserialize_with = "moment")]
    occurred_at: Option<Time<Moment>>,
    ttl_secs: Option<u64>,
    level: Option<Level>,
    session_id: Option<String>,
    pinned: Option<bool>,
}

async fn store(request: Request<'_>) -> Result<Reply, Fault> {
    let arguments: Arguments = arguments::read(request.arguments)?;
    if !request.owner.is_anybody() {
        for id in arguments.supersedes.iter().flatten() {
            if owned(request.memory, request.owner, *id).await?.is_none() {
                return Err(Fault::new("not_found: /supersedes names a context that does not exist"));
            }
        }
    }
    let context = request.owner.sign(NewContext {
        // However often the call is made, it stores one context.
        id: Some(Uuid::now_v7()),
        text: arguments.text,
        tags: arguments.tags,
        supersedes: arguments.supersedes,
        importance: arguments.importance,
        occurred_at: arguments.occurred_at,
        ttl_secs: arguments.ttl_secs,
        level: arguments.level,
        session_id: arguments.session_id,
        pinned: arguments.pinned,
        origin: Some(Origin::Agent),
        ..NewContext::default()
    });
    let written = request.memory.store(&context).await?;
    let done = if written.is_deduplicated() {
        "The same text is stored already"
    } else {
        "Stored"
    };
    Ok(reply(&written, done))
}

/// Returns the reply of a write.
pub(super) fn reply(written: &Written, done: &str) -> Reply {
    Reply {
        structured: json!({"id": written.id(), "deduplicated": written.is_deduplicated()}),
        text: format!("{done}: {}", written.id()),
    }
}
