//! The command line.

mod check;
mod demo;
mod healthcheck;
mod reembed;
mod serve;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, Source, load};

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
    #[arg(long, env = "CONFIG_PATH", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, global = true, value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The port to listen on.
    #[arg(long, global = true, value_name = "PORT")]
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
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
        let host = self.host.map(|host| ("server.host", format!("\"{host}\"")));
        let port = self.port.map(|port| ("server.port", port.to_string()));
        load(&Source {
            file: self.config,
            overrides: host.into_iter().chain(port).collect(),
        })
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
