//! VS Code: its MCP servers. It has no hooks of its own in a static file.

use super::spec::{Spec, plain};
use crate::pieces::{Base, Piece, ServerForm};

pub(super) const SPEC: Spec = Spec {
    name: "vscode",
    fields: None,
    answer: plain,
    pieces: &[Piece::JsonServer {
        file: (Base::Program, "Code/User/mcp.json"),
        path: &["servers"],
        form: ServerForm::Stdio("stdio"),
    }],
    next_step: Some("VS Code has no hooks: the model has to call the memory tools by itself"),
};
