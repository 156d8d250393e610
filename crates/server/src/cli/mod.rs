//! The command line.

mod check;
mod demo;
mod healthcheck;
mod hook;
mod install;
mod keys;
mod mcp;
mod migrate;
mod options;
mod reembed;
mod serve;
mod snapshot;
mod target;
mod transfer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use options::Options;

/// A context and memory server for LLM agents.
#[derive(Debug, Parser)]
#[command(name = "context-manager", version, about)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (default).
    Serve,
    /// Store a small conversation in a temporary folder and search it for five questions.
    Demo,
    /// Print every problem with the configuration.
    CheckConfig,
    /// Print the effective configuration, without secrets.
    PrintConfig,
    /// Embed all contexts with another model and switch to it. For a data folder that no server has open.
    Reembed,
    /// Serve the memory tools to the agent that starts this process, over standard input and output.
    Mcp(mcp::McpArgs),
    /// Create, list, rotate and revoke keys. A running server picks up changes.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Write all contexts of a tenant to a file of JSON lines.
    Export(transfer::ExportArgs),
    /// Store the contexts of an exported file. Importing it again changes nothing.
    Import(transfer::ImportArgs),
    /// Create, list, verify and restore snapshots of the whole store.
    Snapshot(snapshot::SnapshotArgs),
    /// Copy all contexts from one store to another. Stop the servers that write to either; an interrupted run is resumed.
    Migrate(migrate::Migration),
    /// Check the readiness of the server of this configuration: exit code 0 if it is ready, else 1.
    Healthcheck,
    /// Run a hook of an agent host: the event's JSON on standard input, the answer on standard output, exit code 0 always.
    Hook(hook::HookArgs),
    /// Write the hooks and the MCP server into the configuration of agent hosts.
    Install(install::InstallArgs),
    /// Take them out again, and nothing else.
    Uninstall(install::UninstallArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the reference of all configuration keys (docs/configuration-reference.md).
    ConfigReference,
    /// Print the reference of all metrics (docs/metrics.md).
    MetricsReference,
}

/// Runs the command line and returns the process's exit code: 0, or 1 with the reason on standard error.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Hosts take the exit code of a bad command line for a refusal of the prompt.
        Err(error) if error.use_stderr() && hook::is_meant() => return hook::give_up(&error.to_string()),
        Err(error) => error.exit(),
    };
    let outcome = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(cli.options),
        Command::Demo => demo::run(),
        Command::CheckConfig => check::check(cli.options),
        Command::PrintConfig => check::print(cli.options),
        Command::Reembed => reembed::run(cli.options),
        Command::Mcp(args) => mcp::run(cli.options, &args),
        Command::Keys(command) => keys::run(cli.options, command),
        Command::Export(args) => transfer::export(cli.options, &args),
        Command::Import(args) => transfer::import(cli.options, &args),
        Command::Snapshot(args) => snapshot::run(cli.options, &args),
        Command::Migrate(migration) => migrate::run(cli.options, &migration),
        Command::Healthcheck => healthcheck::run(cli.options),
        Command::Hook(args) => return hook::run(args),
        Command::Install(args) => install::install(args),
        Command::Uninstall(args) => install::uninstall(&args),
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
