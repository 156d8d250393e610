//! Agent hosts: the fields of their events, the form of their answers, and the files that install us.
//!
//! One small file for each. A host is added by its file and its place in [`ALL`].

mod claude_code;
mod codex;
mod copilot_cli;
mod cursor;
mod gemini_cli;
mod grok;
mod hermes;
mod openclaw;
mod opencode;
mod spec;
mod vscode;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::event::{Event, Incoming};
use crate::pieces::Piece;
use spec::Spec;

/// Answer that changes nothing, to any host.
pub const NEUTRAL: &str = "{}";

/// Agent host.
#[derive(Clone, Copy)]
pub struct Host(&'static Spec);

/// Every host, in the order of the documentation.
const ALL: [Host; 10] = [
    Host(&claude_code::SPEC),
    Host(&codex::SPEC),
    Host(&cursor::SPEC),
    Host(&copilot_cli::SPEC),
    Host(&gemini_cli::SPEC),
    Host(&vscode::SPEC),
    Host(&grok::SPEC),
    Host(&hermes::SPEC),
    Host(&opencode::SPEC),
    Host(&openclaw::SPEC),
];

/// Fields that only the events of these hosts have.
const MARKS: [(&str, &str); 2] = [("cursor", "cursor_version"), ("grok", "workspaceRoot")];

impl Host {
    /// Every host.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.into_iter()
    }

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Returns the step of an installation that is left to the user.
    pub fn next_step(self) -> Option<&'static str> {
        self.0.next_step
    }

    pub(crate) fn pieces(self) -> &'static [Piece] {
        self.0.pieces
    }

    /// Reads an event; `None` from a host without hooks.
    pub(crate) fn read(self, event: &Value) -> Option<Incoming> {
        self.0.fields.map(|fields| fields.read(event))
    }

    /// Returns true for the event of another host, which reads this host's hooks beside its own.
    pub(crate) fn is_borrowed(self, event: &Value) -> bool {
        MARKS
            .iter()
            .any(|(host, field)| self.name() != *host && event.get(field).is_some())
    }

    /// Writes an answer, with a text for the model if there is one.
    pub(crate) fn answer(self, event: Event, text: Option<&str>) -> String {
        (self.0.answer)(event, text).to_string()
    }
}

impl FromStr for Host {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::all().find(|host| host.name() == name).ok_or(())
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests;
