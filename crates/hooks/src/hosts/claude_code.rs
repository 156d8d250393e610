//! Claude Code: `settings.json` for hooks, `.claude.json` for MCP servers.

use super::spec::{SNAKE_CASE, Spec, nested};
use crate::event::Event;
use crate::pieces::{Base, Hook, Hooks, Piece, ServerForm};

pub(super) const SPEC: Spec = Spec {
    name: "claude-code",
    fields: Some(SNAKE_CASE),
    answer: |event, text| match event {
        Event::Start => nested("SessionStart", text),
        Event::Prompt => nested("UserPromptSubmit", text),
        Event::Stop | Event::Compact | Event::End => nested("", None),
    },
    pieces: &[
        Piece::Hooks(Hooks::Nested {
            file: (Base::Env("CLAUDE_CONFIG_DIR", ".claude"), "settings.json"),
            hooks: &[
                Hook::new("SessionStart", Event::Start, 10),
                Hook::new("UserPromptSubmit", Event::Prompt, 10),
                Hook::new("Stop", Event::Stop, 10),
                Hook::new("PreCompact", Event::Compact, 10),
                Hook::new("SessionEnd", Event::End, 10),
            ],
        }),
        Piece::JsonServer {
            file: (Base::Env("CLAUDE_CONFIG_DIR", ""), ".claude.json"),
            path: &["mcpServers"],
            form: ServerForm::Stdio("stdio"),
        },
    ],
    next_step: None,
};
