//! `memory_status`.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::json;

use super::arguments;
use super::definition::{Definition, Effect, Request};
use crate::memory::Fault;
use crate::reply::Reply;
use crate::schema::{Kind, field, required};

pub(super) const TOOL: Definition = Definition {
    name: "memory_status",
    title: "Check memory",
    description: "Check that memory works, and whose it is: number of contexts, the user, agent and project that calls are \
        bound to, the embedding model. Call it when the user asks whether you remember things, or after another memory tool \
        failed. Not needed before other calls.",
    effect: Effect::Reads,
    input: &[],
    output: &[
        required(
            "total",
            Kind::Integer,
            "Number of contexts of the tenant, of all its users.",
        ),
        required("immediate", Kind::Integer, "Those of working memory."),
        required("short_term", Kind::Integer, "Those of recent knowledge."),
        required("long_term", Kind::Integer, "Those of lasting knowledge."),
        required(
            "pending_embeddings",
            Kind::Integer,
            "Those that are found by their words only, until their vector is computed.",
        ),
        required("model", Kind::Text, "The embedding model."),
        field("user_id", Kind::Text, "User that calls are bound to."),
        field("agent_id", Kind::Text, "Agent that calls are bound to."),
        field("project", Kind::Text, "Project that calls are bound to."),
    ],
    run: |request| Box::pin(status(request)),
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {}

async fn status(request: Request<'_>) -> Result<Reply, Fault> {
    let Arguments {} = arguments::read(request.arguments)?;
    let stats = request.memory.status().await?;
    let mut structured = json!({
        "total": stats.total,
        "immediate": stats.contexts.immediate,
        "short_term": stats.contexts.short_term,
        "long_term": stats.contexts.long_term,
        "pending_embeddings": stats.pending_embeddings,
        "model": stats.model.name,
    });
    let mut text = format!(
        "Memory works: {} contexts, {} of them not embedded yet.",
        stats.total, stats.pending_embeddings
    );
    for (name, value) in [
        ("user_id", &request.owner.user_id),
        ("agent_id", &request.owner.agent_id),
        ("project", &request.owner.project),
    ] {
        if let Some(value) = value {
            structured[name] = value.as_str().into();
            let _infallible = write!(text, " {name}: {value}.");
        }
    }
    Ok(Reply { structured, text })
}
