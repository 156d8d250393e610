//! The systems whose exports are read.

use clap::ValueEnum;
use serde::Serialize;

/// System that wrote an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// JSON of mem0: an answer of `get_all`, or a list of memories.
    Mem0,
    /// Data export of ChatGPT: `conversations.json`.
    Chatgpt,
    /// Data export of Claude: `conversations.json` and `memories.json`.
    Claude,
    /// Transcripts and memory files of Claude Code, such as `~/.claude`.
    ClaudeCode,
    /// `memory.jsonl` of the MCP reference server for memory.
    McpMemory,
    /// Unpacked archive of a Hindsight bank, or its list of memories.
    Hindsight,
}

impl Source {
    /// Returns its name on the command line, in ids and in metadata.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Mem0 => "mem0",
            Self::Chatgpt => "chatgpt",
            Self::Claude => "claude",
            Self::ClaudeCode => "claude-code",
            Self::McpMemory => "mcp-memory",
            Self::Hindsight => "hindsight",
        }
    }
}
