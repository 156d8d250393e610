//! Description of a host, and what several of them have in common.

use serde_json::{Value, json};

use crate::event::{Event, Fields};
use crate::pieces::Piece;

/// Everything that differs from host to host.
#[derive(Debug)]
pub(super) struct Spec {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// Fields of its events; `None` for a host without hooks.
    pub(super) fields: Option<Fields>,
    /// The answer to an event, with a text for the model if there is one.
    pub(super) answer: fn(Event, Option<&str>) -> Value,
    /// The files that install us.
    pub(super) pieces: &'static [Piece],
    /// A step that is left to the user.
    pub(super) next_step: Option<&'static str>,
}

/// Fields as Claude Code names them.
pub(super) const SNAKE_CASE: Fields = Fields {
    session: &["session_id"],
    cwd: &["cwd"],
    prompt: &["prompt"],
    reply: &["last_assistant_message"],
    transcript: &["transcript_path"],
    subagent: &["agent_id"],
};

/// Fields as our plug-ins name them.
pub(super) const PLUGIN: Fields = Fields {
    session: &["session_id"],
    cwd: &["cwd"],
    prompt: &["prompt"],
    reply: &["reply"],
    transcript: &[],
    subagent: &["subagent"],
};

/// Answer in the form that Claude Code introduced, under the host's name of the event.
pub(super) fn nested(event: &str, text: Option<&str>) -> Value {
    match text {
        Some(text) => json!({"hookSpecificOutput": {"hookEventName": event, "additionalContext": text}}),
        None => json!({}),
    }
}

/// Answer to a plug-in of ours.
pub(super) fn plain(event: Event, text: Option<&str>) -> Value {
    match (event, text) {
        (Event::Start | Event::Prompt, Some(text)) => json!({"context": text}),
        _ => json!({}),
    }
}
