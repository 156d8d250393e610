//! Folders: the user's home, the configuration of programs, and our state.

use std::ffi::OsString;
use std::path::PathBuf;

use uuid::Uuid;

/// Folders of a user.
#[derive(Debug, Clone)]
pub struct Places {
    /// The home folder.
    pub home: PathBuf,
    /// Folder of programs' configurations.
    pub config: PathBuf,
    /// Folder of our spool and sessions.
    pub state: PathBuf,
    /// Folder where desktop programs keep their settings, by the conventions of the system.
    pub programs: PathBuf,
}

impl Places {
    /// Finds the folders by the variables of the environment; `None` without a home.
    pub fn find(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let folder = |name: &str| {
            let path = variable(name).map(PathBuf::from)?;
            path.is_absolute().then_some(path)
        };
        let home = folder("HOME").or_else(|| folder("USERPROFILE"))?;
        let config = folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let state = folder("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state"));
        let programs = if cfg!(target_os = "macos") {
            home.join("Library/Application Support")
        } else if cfg!(windows) {
            folder("APPDATA").unwrap_or_else(|| config.clone())
        } else {
            config.clone()
        };
        Some(Self {
            state: state.join("context-manager/hooks"),
            home,
            config,
            programs,
        })
    }

    /// Returns the path of our settings.
    pub fn settings(&self) -> PathBuf {
        self.config.join("context-manager/hooks.toml")
    }

    /// Returns the same with another folder of state, for hooks that call another server than that of the settings: what
    /// waits for one server is never sent to another.
    #[must_use]
    pub fn apart(self, server: &str) -> Self {
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, server.as_bytes());
        Self {
            state: self.state.join(name.to_string()),
            ..self
        }
    }

    /// Returns the folder of the spool.
    pub fn spool(&self) -> PathBuf {
        self.state.join("spool")
    }

    pub(crate) fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }

    /// Returns the file whose text is the time since when the server does not answer.
    pub(crate) fn outage(&self) -> PathBuf {
        self.state.join("unavailable-since")
    }
}
