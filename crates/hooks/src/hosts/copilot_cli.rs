//! Copilot CLI: a hook file of our own, and `mcp-config.json`.

use serde_json::json;

use super::spec::Spec;
use crate::event::{Event, Fields};
use crate::pieces::{Base, Hook, Hooks, Piece, ServerForm};

const HOME: Base = Base::Env("COPILOT_HOME", ".copilot");

pub(super) const SPEC: Spec = Spec {
    name: "copilot-cli",
    fields: Some(Fields {
        session: &["sessionId"],
        cwd: &["cwd"],
        prompt: &["prompt"],
        reply: &[],
        transcript: &["transcriptPath"],
        subagent: &[],
    }),
    answer: |event, text| match (event, text) {
        (Event::Prompt | Event::Start, Some(text)) => json!({"additionalContext": text}),
        _ => json!({}),
    },
    pieces: &[
        Piece::Hooks(Hooks::OwnFlat {
            file: (HOME, "hooks/context-manager.json"),
            hooks: &[
                Hook::new("sessionStart", Event::Start, 10),
                Hook::new("userPromptSubmitted", Event::Prompt, 10),
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
