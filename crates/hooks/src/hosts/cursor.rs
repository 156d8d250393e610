//! Cursor, editor and CLI: `hooks.json` and `mcp.json`.

use serde_json::json;

use super::spec::Spec;
use crate::event::{Event, Fields};
use crate::pieces::{Base, Hook, Hooks, Piece, ServerForm};

const HOME: Base = Base::Home(".cursor");

pub(super) const SPEC: Spec = Spec {
    name: "cursor",
    fields: Some(Fields {
        session: &["conversation_id", "session_id"],
        cwd: &["cwd", "workspace_root", "workspace_roots"],
        prompt: &["prompt", "user_prompt"],
        reply: &["text"],
        transcript: &["transcript_path"],
        subagent: &["subagent_id"],
    }),
    answer: |event, text| match (event, text) {
        (Event::Prompt, Some(text)) => json!({"continue": true, "additional_context": text}),
        (Event::Prompt, None) => json!({"continue": true}),
        (Event::Start, Some(text)) => json!({"additional_context": text}),
        (Event::Start | Event::Stop | Event::Compact | Event::End, _) => json!({}),
    },
    pieces: &[
        Piece::Hooks(Hooks::Flat {
            file: (HOME, "hooks.json"),
            hooks: &[
                Hook::new("sessionStart", Event::Start, 10),
                Hook::new("beforeSubmitPrompt", Event::Prompt, 10),
                // The editor sends the reply with the former; the command line only the latter, with a transcript.
                Hook::new("afterAgentResponse", Event::Stop, 10),
                Hook::new("stop", Event::Stop, 10),
                Hook::new("preCompact", Event::Compact, 10),
                Hook::new("sessionEnd", Event::End, 10),
            ],
        }),
        Piece::JsonServer {
            file: (HOME, "mcp.json"),
            path: &["mcpServers"],
            form: ServerForm::Stdio("stdio"),
        },
    ],
    next_step: None,
};
