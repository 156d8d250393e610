//! Events of a session, and their fields whatever a host calls them.

use std::path::PathBuf;
use std::str::FromStr;

use serde_json::Value;

/// An event of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A session starts or is resumed.
    Start,
    /// The user sent a prompt, which the model has not read yet.
    Prompt,
    /// A turn ended.
    Stop,
    /// The host is about to shorten the conversation.
    Compact,
    /// A session ends.
    End,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 5] = [Self::Start, Self::Prompt, Self::Stop, Self::Compact, Self::End];

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Prompt => "prompt",
            Self::Stop => "stop",
            Self::Compact => "compact",
            Self::End => "end",
        }
    }
}

impl FromStr for Event {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|event| event.name() == name).ok_or(())
    }
}

/// Names of an event's fields in a host's JSON; the first that is there counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) session: &'static [&'static str],
    pub(crate) cwd: &'static [&'static str],
    pub(crate) prompt: &'static [&'static str],
    pub(crate) reply: &'static [&'static str],
    pub(crate) transcript: &'static [&'static str],
    /// Present when the event is a subagent's.
    pub(crate) subagent: &'static [&'static str],
}

/// Fields of an event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) session: Option<String>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) prompt: Option<String>,
    pub(crate) reply: Option<String>,
    pub(crate) transcript: Option<PathBuf>,
    pub(crate) of_subagent: bool,
}

impl Fields {
    pub(crate) fn read(&self, event: &Value) -> Incoming {
        let text = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| first_text(event.get(name)?))
                .filter(|text| !text.trim().is_empty())
                .map(ToOwned::to_owned)
        };
        Incoming {
            session: text(self.session),
            cwd: text(self.cwd).map(PathBuf::from),
            prompt: text(self.prompt),
            reply: text(self.reply),
            transcript: text(self.transcript).map(PathBuf::from),
            of_subagent: text(self.subagent).is_some(),
        }
    }
}

/// Returns a text, or the first one of a list.
fn first_text(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.as_array()?.first()?.as_str())
}
