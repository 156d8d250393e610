//! Grok: a hook file of our own, and `config.toml` for MCP servers.
//!
//! Grok ignores the output of hooks before a prompt, so turns are stored, and notes come by the MCP tools.

use super::spec::Spec;
use crate::event::{Event, Fields};
use crate::pieces::{Base, Hook, Hooks, Piece};

const HOME: Base = Base::Env("GROK_HOME", ".grok");

pub(super) const SPEC: Spec = Spec {
    name: "grok",
    fields: Some(Fields {
        session: &["sessionId"],
        cwd: &["cwd", "workspaceRoot"],
        prompt: &["prompt"],
        reply: &["lastAssistantMessage"],
        transcript: &[],
        subagent: &["subagentType"],
    }),
    answer: |_event, _text| serde_json::json!({}),
    pieces: &[
        Piece::Hooks(Hooks::OwnNested {
            file: (HOME, "hooks/context-manager.json"),
            hooks: &[
                Hook::new("SessionStart", Event::Start, 10),
                Hook::new("UserPromptSubmit", Event::Prompt, 10),
                Hook::new("Stop", Event::Stop, 10),
                Hook::new("PreCompact", Event::Compact, 10),
                Hook::new("SessionEnd", Event::End, 10),
            ],
        }),
        Piece::TomlServer {
            file: (HOME, "config.toml"),
        },
    ],
    next_step: Some(
        "Grok ignores notes that hooks return before a prompt: turns are stored, the MCP tools recall them",
    ),
};
