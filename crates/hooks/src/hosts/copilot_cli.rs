//! Copilot CLI: a hook file of our own, and `mcp-config.json`.
//!
//! Its hook before a prompt replaces the text that the model reads, so ours returns that text with the notes after it.

use serde_json::{Value, json};

use super::spec::Spec;
use crate::event::{Event, Fields};
use crate::pieces::{Base, Hook, Hooks, Piece, ServerForm};

const HOME: Base = Base::Env("COPILOT_HOME", ".copilot");

pub(super) const SPEC: Spec = Spec {
    name: "copilot-cli",
    fields: Some(Fields {
        session: &["sessionId"],
        cwd: &["cwd"],
        prompt: &["prompt", "initialPrompt"],
        reply: &[],
        transcript: &["transcriptPath"],
        subagent: &[],
    }),
    answer: |given, event, text| match (event, text) {
        (Event::Prompt, Some(text)) => match given.get("transformedPrompt").and_then(Value::as_str) {
            Some(prompt) => json!({"modifiedTransformedPrompt": format!("{prompt}\n\n{text}")}),
            None => json!({"additionalContext": text}),
        },
        (Event::Start, Some(text)) => json!({"additionalContext": text}),
        (Event::Prompt | Event::Start | Event::Stop | Event::Compact | Event::End, _) => json!({}),
    },
    pieces: &[
        Piece::Hooks(Hooks::OwnFlat {
            file: (HOME, "hooks/context-manager.json"),
            hooks: &[
                Hook::new("sessionStart", Event::Start, 10),
                Hook::new("userPromptTransformed", Event::Prompt, 10),
                Hook::new("agentStop", Event::Stop, 10),
                Hook::new("preCompact", Event::Compact, 10),
                Hook::new("sessionEnd", Event::End, 10),
            ],
        }),
        Piece::JsonServer {
            file: (HOME, "mcp-config.json"),
            path: &["mcpServers"],
            form: ServerForm::AllTools("local"),
        },
    ],
    next_step: None,
};
