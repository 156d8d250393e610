//! Gemini CLI: `settings.json` for hooks and MCP servers. Its timeouts are in milliseconds.

use super::spec::{SNAKE_CASE, Spec, nested};
use crate::event::{Event, Fields};
use crate::pieces::{Base, Hook, Hooks, Piece, ServerForm};

const SETTINGS: (Base, &str) = (Base::Home(".gemini"), "settings.json");

pub(super) const SPEC: Spec = Spec {
    name: "gemini-cli",
    fields: Some(Fields {
        reply: &["prompt_response"],
        // Its transcript is one JSON document, and the event after a turn has both messages.
        transcript: &[],
        ..SNAKE_CASE
    }),
    answer: |event, text| match event {
        Event::Start => nested("SessionStart", text),
        Event::Prompt => nested("BeforeAgent", text),
        Event::Stop | Event::Compact | Event::End => nested("", None),
    },
    pieces: &[
        Piece::Hooks(Hooks::Nested {
            file: SETTINGS,
            hooks: &[
                Hook::new("SessionStart", Event::Start, 10_000),
                Hook::new("BeforeAgent", Event::Prompt, 10_000),
                Hook::new("AfterAgent", Event::Stop, 10_000),
                Hook::new("PreCompress", Event::Compact, 10_000),
                Hook::new("SessionEnd", Event::End, 10_000),
            ],
        }),
        Piece::JsonServer {
            file: SETTINGS,
            path: &["mcpServers"],
            form: ServerForm::Untyped,
        },
    ],
    next_step: None,
};
