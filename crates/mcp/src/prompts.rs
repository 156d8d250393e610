//! The prompt with which a person starts from what memory has on a subject.

use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, JsonObject, ListPromptsResult, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::json;

use crate::resources::run;
use crate::tools::Request;

const RECALL: &str = "recall";
const SUBJECT: &str = "subject";

/// Returns all prompts.
pub(crate) fn list() -> ListPromptsResult {
    let subject = PromptArgument::new(SUBJECT)
        .with_description("The subject, in plain words.")
        .with_required(true);
    let recall = Prompt::new(
        RECALL,
        Some("Start from what memory has on a subject."),
        Some(vec![subject]),
    );
    ListPromptsResult::with_all_items(vec![recall.with_title("Recall a subject")])
}

/// Returns the messages of a prompt.
pub(crate) async fn get(
    request: Request<'_>,
    name: &str,
    arguments: Option<JsonObject>,
) -> Result<GetPromptResult, ErrorData> {
    if name != RECALL {
        return Err(ErrorData::invalid_params(
            "there is no such prompt; see prompts/list",
            None,
        ));
    }
    let arguments = arguments.unwrap_or_default();
    let subject = arguments.get(SUBJECT).and_then(|subject| subject.as_str());
    let Some(subject) = subject else {
        return Err(ErrorData::invalid_params("the argument `subject` is needed", None));
    };
    let block = run(request, "memory_context", &json!({"query": subject})).await;
    let block = block.map_err(|fault| ErrorData::invalid_params(fault.to_string(), None))?;
    let text = format!(
        "Here is what memory has on \"{subject}\". Take it as notes that may be incomplete; memory_search finds the rest. \
         Sum up what matters, and ask how to go on.\n\n{block}"
    );
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description("What memory has on the subject."))
}
