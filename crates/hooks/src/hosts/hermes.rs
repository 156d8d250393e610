//! Hermes: a plug-in in Python that passes events on.

use super::spec::{PLUGIN, Spec, plain};
use crate::pieces::{Base, Piece};

const HOME: Base = Base::Env("HERMES_HOME", ".hermes");

pub(super) const SPEC: Spec = Spec {
    name: "hermes",
    fields: Some(PLUGIN),
    answer: plain,
    pieces: &[
        Piece::OwnFile {
            file: (HOME, "plugins/context-manager/plugin.yaml"),
            content: include_str!("../plugins/hermes/plugin.yaml"),
        },
        Piece::OwnFile {
            file: (HOME, "plugins/context-manager/__init__.py"),
            content: include_str!("../plugins/hermes/__init__.py"),
        },
    ],
    next_step: Some(
        "allow the plug-in with `hermes plugins enable context-manager`; for the tools run `hermes mcp add`, as Hermes \
         keeps its MCP servers in a YAML file that is not ours to rewrite",
    ),
};
