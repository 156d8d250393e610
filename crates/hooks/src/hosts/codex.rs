//! Codex: `hooks.json`, and `config.toml` for MCP servers.

use super::spec::{SNAKE_CASE, Spec, nested};
use crate::event::Event;
use crate::pieces::{Base, Hook, Hooks, Piece};

const HOME: Base = Base::Env("CODEX_HOME", ".codex");

pub(super) const SPEC: Spec = Spec {
    name: "codex",
    fields: Some(SNAKE_CASE),
    answer: |event, text| match event {
        Event::Start => nested("SessionStart", text),
        Event::Prompt => nested("UserPromptSubmit", text),
        Event::Stop | Event::Compact | Event::End => nested("", None),
    },
    pieces: &[
        Piece::Hooks(Hooks::Nested {
            file: (HOME, "hooks.json"),
            hooks: &[
                Hook::new("SessionStart", Event::Start, 10),
                Hook::new("UserPromptSubmit", Event::Prompt, 10),
                Hook::new("Stop", Event::Stop, 10),
                Hook::new("PreCompact", Event::Compact, 10),
            ],
        }),
        Piece::TomlServer {
            file: (HOME, "config.toml"),
        },
    ],
    next_step: Some("codex asks once to trust the new hooks: open it, run `/hooks` and allow them"),
};
