//! The command line.

mod check;
mod demo;
mod healthcheck;
mod keys;
mod migrate;
mod reembed;
mod remote;
mod serve;
mod snapshot;
mod transfer;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::OsStringValueParser;
use clap::{Args, Parser, Subcommand};
use context_manager_observability::init_logs;

use crate::config::{Config, ConfigError, Source, ignored_names, load};

/// A context and memory server for LLM agents.
#[derive(Debug, Parser)]
#[command(name = "context-manager", version, about)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Options {
    /// The configuration file; default `config.toml` if it is there.
    #[arg(long, env = "CONFIG_PATH", global = true, value_name = "FILE", value_parser = OsStringValueParser::new())]
    config: Option<OsString>,
    /// The address to listen on.
    #[arg(long, global = true, value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The port to listen on.
    #[arg(long, global = true, value_name = "PORT")]
    port: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve,
    /// Store a small conversation in a temporary folder and ask it five questions.
    Demo,
    /// Read the configuration and print every problem with it.
    CheckConfig,
    /// Print the configuration as the server would use it, without secrets.
    PrintConfig,
    /// Embed everything with another model, and have that model take over. For a data folder that no server has open.
    Reembed,
    /// Make, list, rotate and revoke keys. A running server takes changes over.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Write all contexts of a tenant to a file of JSON lines.
    Export(transfer::ExportArgs),
    /// Store the contexts of a file that was exported. Importing again changes nothing.
    Import(transfer::ImportArgs),
    /// Make, list, verify and restore copies of the whole store.
    #[command(subcommand)]
    Snapshot(snapshot::SnapshotCommand),
    /// Bring all contexts from one store into another. Stop the servers that write to either; what was interrupted goes on.
    Migrate(migrate::Migration),
    /// Ask the server of this configuration whether it is ready: exit code 0 if so, else 1.
    Healthcheck,
    /// Print the OpenAPI document.
    Openapi,
    /// Print the reference of all configuration keys (docs/configuration-reference.md).
    ConfigReference,
    /// Print the reference of all metrics (docs/metrics.md).
    MetricsReference,
}

impl Options {
    fn load(self) -> Result<Config, ConfigError> {
        let host = self.host.map(|host| ("server.host", host.to_string()));
        let port = self.port.map(|port| ("server.port", port.to_string()));
        load(&Source {
            // Compose sets a variable that is to be unset to nothing.
            file: self.config.filter(|file| !file.is_empty()).map(PathBuf::from),
            overrides: host.into_iter().chain(port).collect(),
        })
    }

    /// The configuration for a command that does not listen, so that it does not matter who could reach it.
    fn load_without_listening(self) -> Result<Config, ConfigError> {
        let host = Some(IpAddr::from([127, 0, 0, 1]));
        Self { host, ..self }.load()
    }
}

/// Runs a command's asynchronous part, with the configuration and logs on standard error.
fn block_on(options: Options, work: impl AsyncFnOnce(Config) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let config = options.load_without_listening()?;
    init_logs(&config.log, &config.audit)?;
    warn_of_ignored_names();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(work(config))
}

/// Says in the log which names in the environment set nothing.
fn warn_of_ignored_names() {
    let names = ignored_names();
    if !names.is_empty() {
        tracing::warn!(
            names = names.join(", "),
            "variables without a section were ignored: settings have two underscores between section and key"
        );
    }
}

/// Runs the command line and returns the process's exit code: 0, or 1 with the reason on standard error.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(cli.options),
        Command::Demo => demo::run(),
        Command::CheckConfig => check::check(cli.options),
        Command::PrintConfig => check::print(cli.options),
        Command::Reembed => reembed::run(cli.options),
        Command::Keys(command) => keys::run(cli.options, command),
        Command::Export(args) => transfer::export(cli.options, &args),
        Command::Import(args) => transfer::import(cli.options, &args),
        Command::Snapshot(command) => snapshot::run(cli.options, &command),
        Command::Migrate(migration) => migrate::run(cli.options, &migration),
        Command::Healthcheck => healthcheck::run(cli.options),
        Command::Openapi => check::openapi(),
        Command::ConfigReference => check::reference(&crate::config::reference()),
        Command::MetricsReference => check::reference(&crate::metrics::reference()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "logging may not be set up, and the operator needs to read this"
)]
fn report(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
