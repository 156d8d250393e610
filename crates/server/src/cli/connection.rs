//! Memory that a command works on: a named server, or that of the configuration.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use context_manager_client::{Client, Config as ClientConfig, Secret};
use context_manager_observability::{AuditConfig, LogConfig, LogControl, init_logs, install_metrics};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{Exit, Stop};
use super::options::Options;
use crate::attach::{Attached, Means};
use crate::config::{API_KEY_VARIABLE, Config};

/// Maximum duration of a call that lasts as long as there is data.
const LONG_TIMEOUT: Duration = Duration::from_hours(24);
/// Filter of the logs of commands.
const QUIET: &str = "warn,qdrant_edge::common=error";

/// A server, and the key for it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// URL of a running server, such as `https://memory.example.com`. Default: the data folder of the configuration.
    #[arg(long, alias = "url", env = "CONTEXT_MANAGER_URL", global = true, value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
}

/// A key.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct KeyArgs {
    /// Key for the server; it decides the tenant.
    #[arg(long, env = API_KEY_VARIABLE, hide_env_values = true, global = true, value_name = "KEY")]
    api_key: Option<String>,
    /// File with the key; it comes before `--api-key`.
    #[arg(long, env = "CONTEXT_MANAGER_KEY_FILE", global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Command that prints the key, such as `secret-tool lookup service context-manager`; it comes after the others.
    #[arg(
        long,
        env = "CONTEXT_MANAGER_KEY_COMMAND",
        hide_env_values = true,
        global = true,
        value_name = "COMMAND"
    )]
    key_command: Option<String>,
}

/// Time that a command has the memory open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// Some calls. Other processes wait until the data folder is free again.
    Short,
    /// Until the user ends it. Other processes use its server.
    Long,
}

impl KeyArgs {
    /// Returns the key, if one is named.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn key(&self) -> anyhow::Result<Option<Secret>> {
        let file = self.key_file.as_ref().filter(|file| !file.as_os_str().is_empty());
        let named = self.api_key.as_ref().filter(|key| !key.trim().is_empty());
        let command = self.key_command.as_ref().filter(|command| !command.is_empty());
        let key = match (file, named, command) {
            (Some(file), ..) => {
                let text = fs::read_to_string(file);
                text.with_context(|| format!("cannot read the key in `{}`", file.display()))?
            }
            (None, Some(key), _) => key.clone(),
            (None, None, Some(command)) => printed_by(command)?,
            (None, None, None) => return Ok(None),
        };
        let key = key.trim();
        Ok((!key.is_empty()).then(|| Secret::from(key.to_owned())))
    }

    /// Returns a client of the server at a URL.
    ///
    /// # Errors
    /// When the key cannot be read, or the URL is none.
    pub(super) fn client(&self, url: &str) -> anyhow::Result<Client> {
        let config = ClientConfig {
            api_key: self.key()?,
            long_timeout: LONG_TIMEOUT,
            ..ClientConfig::default()
        };
        Ok(Client::new(url, config)?)
    }
}

impl Connection {
    /// Returns the key, if one is named.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn key(&self) -> anyhow::Result<Option<Secret>> {
        self.key.key()
    }

    /// Returns a client of the named server, if one is named.
    ///
    /// # Errors
    /// When the key cannot be read, or the URL is none.
    pub(super) fn client(&self) -> anyhow::Result<Option<Client>> {
        self.url().map(|url| self.key.client(url)).transpose()
    }

    /// Returns the URL of the named server, if one is named.
    pub(super) fn url(&self) -> Option<&str> {
        // Compose sets an unset variable to an empty text.
        self.server.as_deref().filter(|url| !url.is_empty())
    }

    /// Attaches to the named server, or else to the memory of the configuration.
    async fn attach(&self, config: &Config, logs: LogControl, stay: Stay) -> anyhow::Result<Attached> {
        if let Some(client) = self.client()? {
            return Ok(Attached::running(client));
        }
        let means = Means {
            config: config.clone(),
            metrics: install_metrics()?,
            logs,
            key: self.key()?,
            is_found: stay == Stay::Long,
        };
        Box::pin(means.attach()).await
    }
}

/// Returns the first line of the output of a command.
fn printed_by(command: &str) -> anyhow::Result<String> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the key command")?;
    ensure!(output.status.success(), "the key command failed: {}", output.status);
    let text = String::from_utf8(output.stdout).context("the key command printed no text")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Memory that a command has open.
#[derive(Debug)]
pub(super) struct Session {
    runtime: Runtime,
    attached: Attached,
}

impl Session {
    /// Attaches to the named server, or else to the memory of the configuration.
    ///
    /// # Errors
    /// When the configuration has problems, or there is nothing to attach to.
    pub(super) fn open(options: Options, connection: &Connection, stay: Stay) -> anyhow::Result<Self> {
        // A named server needs nothing of the configuration.
        let config = match connection.url() {
            Some(_) => Config::default(),
            None => options.load_without_listening()?,
        };
        let logs = init_quiet_logs(&config)?;
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        let attached = runtime.block_on(unless_stopped(connection.attach(&config, logs, stay)))?;
        Ok(Self { runtime, attached })
    }

    /// Does some work, which a signal ends.
    ///
    /// # Errors
    /// Those of the work, and [`Stop`] after a signal.
    pub(super) fn run<T>(&self, work: impl AsyncFnOnce(&Attached) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.runtime.block_on(unless_stopped(work(&self.attached)))
    }

    /// Closes the data folder, if this process has it open.
    pub(super) fn close(self) {
        self.runtime.block_on(self.attached.close());
        // A read of standard input cannot be cancelled, and must not hold up the end.
        self.runtime.shutdown_background();
    }
}

/// Does a command's work on the memory. A signal ends it, and the data folder is closed in any case.
///
/// # Errors
/// Those of the work, and of attaching to the memory.
pub(super) fn work_on(
    options: Options,
    connection: &Connection,
    stay: Stay,
    work: impl AsyncFnOnce(&Attached) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let session = Session::open(options, connection, stay)?;
    let done = session.run(work);
    session.close();
    done
}

/// Waits for some work, or for a signal.
async fn unless_stopped<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = work => done,
        _ = interrupt.recv() => Err(Stop::silent(Exit::Interrupted).into()),
        _ = terminate.recv() => Err(Stop::silent(Exit::Terminated).into()),
    }
}

/// Installs logs of warnings alone.
pub(super) fn init_quiet_logs(config: &Config) -> anyhow::Result<LogControl> {
    let quiet = LogConfig {
        filter: QUIET.to_owned(),
        ..config.log.clone()
    };
    let audit = match &config.audit.path {
        Some(path) if path.as_os_str() != "-" => config.audit.clone(),
        // Standard output is the command's, and standard error is no place for a record of what the user does.
        Some(_) | None => AuditConfig {
            path: Some(PathBuf::from("/dev/null")),
        },
    };
    Ok(init_logs(&quiet, &audit)?)
}
