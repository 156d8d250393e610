//! OpenClaw: a plug-in in JavaScript that passes events on, with the consent that OpenClaw demands for it.

use super::spec::{PLUGIN, Spec, plain};
use crate::pieces::{Base, Piece};

const HOME: Base = Base::Env("OPENCLAW_STATE_DIR", ".openclaw");

pub(super) const SPEC: Spec = Spec {
    name: "openclaw",
    fields: Some(PLUGIN),
    answer: plain,
    pieces: &[
        Piece::OwnFile {
            file: (HOME, "extensions/context-manager/openclaw.plugin.json"),
            content: include_str!("../plugins/openclaw/openclaw.plugin.json"),
        },
        Piece::OwnFile {
            file: (HOME, "extensions/context-manager/package.json"),
            content: include_str!("../plugins/openclaw/package.json"),
        },
        Piece::OwnFile {
            file: (HOME, "extensions/context-manager/index.js"),
            content: include_str!("../plugins/openclaw/index.js"),
        },
    ],
    next_step: Some(
        "OpenClaw gives a plug-in the conversation only with your consent: set `allowConversationAccess` and \
         `allowPromptInjection` under `plugins.entries.context-manager.hooks`, and add the MCP server to its configuration",
    ),
};
