//! Options of all commands, and what commands share.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::OsStringValueParser;
use context_manager_observability::init_logs;

use crate::config::{Config, ConfigError, ServerConfig, Source, ignored_names, load};

#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Options {
    /// Configuration file; default `config.toml` if it exists.
    #[arg(long, env = "CONFIG_PATH", global = true, value_name = "FILE", value_parser = OsStringValueParser::new())]
    config: Option<OsString>,
    /// Address to listen on.
    #[arg(long, global = true, value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// Port to listen on.
    #[arg(long, global = true, value_name = "PORT")]
    port: Option<u16>,
}

impl Options {
    pub(super) fn load(self) -> Result<Config, ConfigError> {
        let host = self.host.map(|host| ("server.host", host.to_string()));
        let port = self.port.map(|port| ("server.port", port.to_string()));
        load(&Source {
            // Compose sets an unset variable to an empty text.
            file: self.config.filter(|file| !file.is_empty()).map(PathBuf::from),
            overrides: host.into_iter().chain(port).collect(),
        })
    }

    /// Sets the address that is named here.
    pub(super) fn apply_to(&self, server: &mut ServerConfig) {
        server.host = self.host.unwrap_or(server.host);
        server.port = self.port.unwrap_or(server.port);
    }

    /// Loads the configuration of a command that does not listen, where the exposure of its address does not matter.
    pub(super) fn load_without_listening(self) -> Result<Config, ConfigError> {
        let host = Some(IpAddr::from([127, 0, 0, 1]));
        Self { host, ..self }.load()
    }
}

/// Runs a command's asynchronous part, with the configuration and logs on standard error.
pub(super) fn block_on(options: Options, work: impl AsyncFnOnce(Config) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let config = options.load_without_listening()?;
    init_logs(&config.log, &config.audit)?;
    warn_of_ignored_names();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work(config))
}

/// Logs the variables that set nothing.
pub(super) fn warn_of_ignored_names() {
    let names = ignored_names();
    if !names.is_empty() {
        tracing::warn!(
            names = names.join(", "),
            "variables without a section were ignored: settings have two underscores between section and key"
        );
    }
}
