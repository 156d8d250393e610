//! OpenCode: a plug-in in JavaScript that passes events on, and `opencode.json` for MCP servers.

use super::spec::{PLUGIN, Spec, plain};
use crate::pieces::{Base, Piece, ServerForm};

pub(super) const SPEC: Spec = Spec {
    name: "opencode",
    fields: Some(PLUGIN),
    answer: plain,
    pieces: &[
        Piece::OwnFile {
            file: (Base::Config, "opencode/plugin/context-manager.js"),
            content: include_str!("../plugins/opencode.js"),
        },
        Piece::JsonServer {
            file: (Base::Config, "opencode/opencode.json"),
            path: &["mcp"],
            form: ServerForm::CommandList("local"),
        },
    ],
    next_step: None,
};
