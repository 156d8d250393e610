//! Resources: contexts and conversations as a host lets a person attach them, rendered by the tools.

use context_manager_client::{ListContexts, Page};
use rmcp::ErrorData;
use rmcp::model::{
    JsonObject, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource, ResourceContents,
    ResourceTemplate,
};
use serde_json::json;

use crate::memory::Fault;
use crate::render::Part;
use crate::tools::{self, Definition, Request};

const CONTEXTS: &str = "memory://contexts/";
const SESSIONS: &str = "memory://sessions/";
const MIME: &str = "text/plain";
/// Contexts of a page.
const PAGE: u32 = 50;
/// Contexts of a conversation.
const OF_SESSION: usize = 100;
/// Most characters of a name.
const NAME_CHARS: usize = 80;

/// Returns the templates of all resources.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    let context = ResourceTemplate::new(format!("{CONTEXTS}{{id}}"), "context")
        .with_title("Stored context")
        .with_description("A stored context, by its id.")
        .with_mime_type(MIME);
    let session = ResourceTemplate::new(format!("{SESSIONS}{{session_id}}"), "session")
        .with_title("Stored conversation")
        .with_description("The newest contexts of a conversation, by its id.")
        .with_mime_type(MIME);
    ListResourceTemplatesResult::with_all_items(vec![context, session])
}

/// Returns a page of the owner's contexts, newest first.
pub(crate) async fn list(request: Request<'_>, cursor: Option<String>) -> Result<ListResourcesResult, Fault> {
    let list = request.owner.narrow_list(ListContexts {
        page: Page {
            limit: Some(PAGE),
            cursor,
        },
        ..ListContexts::default()
    });
    let page = request.memory.list(&list).await?;
    let mine = page.contexts.iter().filter(|context| request.owner.owns(context));
    let resources = mine.map(|context| {
        let line = context.text.lines().next().unwrap_or_default();
        let name = Part::of(line, 0, NAME_CHARS).text;
        Resource::new(format!("{CONTEXTS}{}", context.id), name).with_mime_type(MIME)
    });
    let mut listed = ListResourcesResult::with_all_items(resources.collect());
    listed.next_cursor = page.next_cursor;
    Ok(listed)
}

/// Reads a resource.
pub(crate) async fn read(request: Request<'_>, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let (tool, arguments) = if let Some(id) = uri.strip_prefix(CONTEXTS) {
        ("memory_get", json!({"ids": [id]}))
    } else if let Some(id) = uri.strip_prefix(SESSIONS) {
        ("memory_list", json!({"session_id": id, "limit": OF_SESSION}))
    } else {
        return Err(not_found());
    };
    let text = run(request, tool, &arguments).await;
    let text = text.map_err(|fault| ErrorData::resource_not_found(fault.to_string(), None))?;
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri)]))
}

/// Runs a tool and returns its text, which is bounded and the owner's.
pub(crate) async fn run(request: Request<'_>, tool: &str, arguments: &serde_json::Value) -> Result<String, Fault> {
    let named = |definition: &&Definition| definition.name == tool;
    let tool = tools::all(false).find(named).ok_or_else(Fault::not_found)?;
    let arguments: JsonObject = arguments.as_object().cloned().unwrap_or_default();
    let request = Request {
        arguments: &arguments,
        ..request
    };
    Ok((tool.run)(request).await?.text)
}

fn not_found() -> ErrorData {
    ErrorData::resource_not_found("there is no such resource; see resources/templates/list", None)
}
