//! `search` and `fetch`, which ChatGPT's deep research and company knowledge ask of a source, with these names and fields.
//!
//! Their text is the JSON of their object, as that host reads either.

use context_manager_client::wire::{Filter, FoundBody, SearchRequest};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::arguments;
use super::definition::{Definition, Effect, Request};
use super::get::owned;
use super::search::relevant;
use crate::memory::Fault;
use crate::render::Part;
use crate::reply::Reply;
use crate::schema::{Field, Kind, required};

const LIMIT: usize = 20;
/// Most characters of a title.
const TITLE_CHARS: usize = 100;

const ID: Field = required("id", Kind::Text, "Id of the context.");
const TITLE: Field = required("title", Kind::Text, "Beginning of its text.");
const URL: Field = required("url", Kind::Text, "Its address, for citations.");

pub(super) const SEARCH: Definition = Definition {
    name: "search",
    title: "Search memory (ChatGPT)",
    description: "Search the user's memory for documents that answer a question. Returns ids, titles and addresses; fetch \
        returns the text of one.",
    effect: Effect::Reads,
    input: &[required("query", Kind::Text, "The question in plain words.")],
    output: &[required(
        "results",
        Kind::Objects(&[ID, TITLE, URL]),
        "What was found, best first.",
    )],
    run: |request| Box::pin(search(request)),
};

pub(super) const FETCH: Definition = Definition {
    name: "fetch",
    title: "Fetch a memory (ChatGPT)",
    description: "Fetch the full text of a document that search found, by its id.",
    effect: Effect::Reads,
    input: &[required("id", Kind::Text, "Id of the document.")],
    output: &[ID, TITLE, required("text", Kind::Text, "Its text."), URL],
    run: |request| Box::pin(fetch(request)),
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    id: Uuid,
}

async fn search(request: Request<'_>) -> Result<Reply, Fault> {
    let Query { query } = arguments::read(request.arguments)?;
    let wanted = SearchRequest {
        query: query.into(),
        limit: Some(LIMIT),
        filter: Some(request.owner.narrow(Filter::default())),
        ..SearchRequest::default()
    };
    let found = request.memory.search(&wanted).await?;
    let (hits, _) = relevant(&found);
    let id = |hit: &&FoundBody| hit.context.id;
    Ok(request.budget.fit_list(&hits, id, &[], |shown, _| {
        let results = shown.iter().map(|hit| {
            let id = hit.context.id;
            json!({"id": id, "title": title(&hit.context.text), "url": url(request, id)})
        });
        Reply::of_json(json!({"results": results.collect::<Vec<_>>()}))
    }))
}

async fn fetch(request: Request<'_>) -> Result<Reply, Fault> {
    let Id { id } = arguments::read(request.arguments)?;
    let context = owned(request.memory, request.owner, id).await?;
    let context = context.ok_or_else(Fault::not_found)?;
    let text = &context.text;
    Ok(request.budget.fit(text.chars().count(), |chars| {
        Reply::of_json(json!({
            "id": id,
            "title": title(text),
            "text": Part::of(text, 0, chars).text,
            "url": url(request, id),
        }))
    }))
}

fn title(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    Part::of(line, 0, TITLE_CHARS).text
}

fn url(request: Request<'_>, id: Uuid) -> String {
    format!("{}/api/v1/contexts/{id}", request.settings.base_url)
}
