//! Origins of contexts.

use std::fmt;
use std::str::FromStr;

/// Source of a text. An assembly leaves out the output of tools unless asked for it, as anybody may have written that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A person, or a program on behalf of one.
    #[default]
    User,
    /// An agent.
    Agent,
    /// Output of a tool.
    Tool,
    /// An import from elsewhere.
    Import,
    /// The system: instructions, or the server itself.
    System,
}

/// Error for a name that is no origin.
#[derive(Debug, thiserror::Error)]
#[error("an origin is `user`, `agent`, `tool`, `import` or `system`")]
pub struct UnknownOrigin;

impl Origin {
    /// All origins.
    pub const ALL: [Self; 5] = [Self::User, Self::Agent, Self::Tool, Self::Import, Self::System];

    /// Returns the name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Import => "import",
            Self::System => "system",
        }
    }

    /// Returns the index in [`Origin::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns all origins but these.
    pub fn others(these: &[Self]) -> Vec<Self> {
        Self::ALL.into_iter().filter(|origin| !these.contains(origin)).collect()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = UnknownOrigin;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|origin| origin.as_str() == name)
            .ok_or(UnknownOrigin)
    }
}
