//! Settings that an installation keeps for all hooks.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use context_manager_client::{Client, Config, Error, Retry, Secret};
use serde::{Deserialize, Serialize};

use crate::file;

/// Settings of all hooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// URL of the server.
    pub server: String,
    /// File that holds the key. The key itself is never kept in the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// User whose memory it is; without one, that of the key's whole tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Maximum duration of a hook, in milliseconds.
    pub deadline_ms: u64,
    /// Maximum number of tokens of the notes before a prompt.
    pub max_tokens: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: "http://127.0.0.1:8080".to_owned(),
            key_file: None,
            user: None,
            deadline_ms: 300,
            max_tokens: 800,
        }
    }
}

/// Problem with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The settings are not valid.
    #[error("{}: {}", path.display(), source.message())]
    Invalid {
        /// Path of the file.
        path: PathBuf,
        /// The reason.
        source: toml::de::Error,
    },
    /// The settings cannot be written as TOML.
    #[error("the settings cannot be written")]
    Unwritable(#[from] toml::ser::Error),
    /// The client cannot be built.
    #[error(transparent)]
    Client(#[from] Error),
}

impl Settings {
    /// Returns settings of hooks that keep messages and send them nowhere.
    pub fn without_server() -> Self {
        Self {
            server: String::new(),
            ..Self::default()
        }
    }

    /// Reads the settings; defaults if there is no file.
    ///
    /// # Errors
    /// When the file cannot be read or is not valid.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let text = file::read(path).map_err(|source| at(path, source))?;
        let Some(text) = text else { return Ok(Self::default()) };
        toml::from_str(&text).map_err(|source| SettingsError::Invalid {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes the settings to a file that only its owner may read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), SettingsError> {
        let text = toml::to_string(self)?;
        file::replace(path, text.as_bytes()).map_err(|source| at(path, source))
    }

    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// Prepares calls to the server. The key is `key`, or stands in the key file.
    pub(crate) fn client(&self, key: Option<Secret>) -> Result<Client, SettingsError> {
        let api_key = match (key, &self.key_file) {
            (Some(key), _) => Some(key),
            (None, Some(path)) => {
                let text = fs::read_to_string(path).map_err(|source| at(path, source))?;
                Some(text.trim().to_owned().into())
            }
            (None, None) => None,
        };
        let config = Config {
            api_key,
            timeout: self.deadline(),
            // What fails is tried again by the next hook.
            retry: Retry {
                max_retries: 0,
                ..Config::default().retry
            },
            ..Config::default()
        };
        Ok(Client::new(&self.server, config)?)
    }
}

fn at(path: &Path, source: io::Error) -> SettingsError {
    SettingsError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_saved_and_only_the_owner_may_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/hooks.toml");
        assert_eq!(Settings::load(&path).unwrap(), Settings::default());
        let settings = Settings {
            server: "https://memory.example.com".to_owned(),
            key_file: Some("/keys/mine".into()),
            user: Some("ann".to_owned()),
            ..Settings::default()
        };
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_unknown_setting_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hooks.toml");
        fs::write(&path, "servr = \"http://x\"\n").unwrap();
        let error = Settings::load(&path).unwrap_err().to_string();
        assert!(error.contains("servr") && error.contains("hooks.toml"), "{error}");
    }
}
