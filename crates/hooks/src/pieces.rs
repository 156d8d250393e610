//! The parts of an installation: what goes into which file of a host.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::event::Event;
use crate::places::Places;

/// Name of our entries in the hosts' files.
pub(crate) const NAME: &str = "context-manager";

/// Folder that a file's path begins at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    /// A folder in the user's home.
    Home(&'static str),
    /// The folder in this variable, or else one in the user's home.
    Env(&'static str, &'static str),
    /// The folder of programs' configurations.
    Config,
    /// The folder of desktop programs' settings.
    Program,
}

/// A file of a host.
pub(crate) type At = (Base, &'static str);

/// A hook of a host that runs us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hook {
    /// The host's name of the event.
    pub(crate) name: &'static str,
    pub(crate) event: Event,
    /// In the host's unit. Longer than our deadline: it is for a machine that hangs.
    pub(crate) timeout: u32,
}

impl Hook {
    pub(crate) const fn new(name: &'static str, event: Event, timeout: u32) -> Self {
        Self { name, event, timeout }
    }
}

/// Hooks in a file. Nested ones stand in groups with a matcher, as Claude Code has them; flat ones by themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hooks {
    Nested {
        file: At,
        hooks: &'static [Hook],
    },
    Flat {
        file: At,
        hooks: &'static [Hook],
    },
    /// In a file of our own.
    OwnNested {
        file: At,
        hooks: &'static [Hook],
    },
    /// In a file of our own, with the shell's name as the key of the command.
    OwnFlat {
        file: At,
        hooks: &'static [Hook],
    },
}

/// Form of an MCP server's entry in JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ServerForm {
    /// With this type.
    Stdio(&'static str),
    /// With this type, and a list of the tools to offer.
    AllTools(&'static str),
    /// Without a type.
    Untyped,
    /// With this type, and the arguments in one list with the command.
    CommandList(&'static str),
}

/// Something to install.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Piece {
    Hooks(Hooks),
    /// An MCP server under this path of keys.
    JsonServer {
        file: At,
        path: &'static [&'static str],
        form: ServerForm,
    },
    /// An MCP server in `mcp_servers`.
    TomlServer {
        file: At,
    },
    /// A file of our own.
    OwnFile {
        file: At,
        content: &'static str,
    },
}

impl Base {
    pub(crate) fn folder(self, places: &Places, variable: &dyn Fn(&str) -> Option<OsString>) -> PathBuf {
        match self {
            Self::Home(folder) => places.home.join(folder),
            Self::Env(name, folder) => {
                let named = variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
                named.unwrap_or_else(|| places.home.join(folder))
            }
            Self::Config => places.config.clone(),
            Self::Program => places.programs.clone(),
        }
    }
}

impl Piece {
    pub(crate) fn file(&self) -> At {
        match self {
            Self::Hooks(
                Hooks::Nested { file, .. }
                | Hooks::Flat { file, .. }
                | Hooks::OwnNested { file, .. }
                | Hooks::OwnFlat { file, .. },
            )
            | Self::JsonServer { file, .. }
            | Self::TomlServer { file }
            | Self::OwnFile { file, .. } => *file,
        }
    }
}
