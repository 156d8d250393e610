//! The command line.

mod bar;
mod check;
mod connection;
mod delete;
mod demo;
mod doctor;
mod edit;
mod exit;
mod get;
mod greeting;
mod groups;
mod healthcheck;
mod hook;
mod install;
mod keys;
mod list;
mod mcp;
mod migrate;
mod narrow;
mod options;
mod output;
mod reembed;
mod safe;
mod search;
mod serve;
mod shell;
mod snapshot;
mod stats;
mod store;
mod tail;
mod target;
mod top;
mod transfer;
mod when;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

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
    /// Store a small conversation and ask five questions about it.
    Demo(demo::DemoArgs),
    /// Store texts: words, or lines of standard input.
    Store(store::StoreArgs),
    /// Find the contexts that answer a question.
    Search(search::SearchArgs),
    /// Write the contexts that answer a question into one text for a prompt.
    Assemble(search::AssembleArgs),
    /// Show contexts with all that is known of them.
    Get(get::GetArgs),
    /// List contexts, newest first.
    List(list::ListArgs),
    /// Change a context by flags, or its text in an editor.
    Edit(edit::EditArgs),
    /// Delete contexts by ids or by a filter, after asking.
    Delete(delete::DeleteArgs),
    /// List conversations.
    Sessions(list::SessionsArgs),
    /// List scopes.
    Scopes(list::ScopesArgs),
    /// Count contexts, and show the model and the size of the store.
    Stats(stats::StatsArgs),
    /// Follow what is stored, changed and deleted.
    Tail(tail::TailArgs),
    /// Watch rates, latencies, levels and health.
    Top(top::TopArgs),
    /// Find what is wrong with an installation, and what mends it.
    Doctor(doctor::DoctorArgs),
    /// Print every problem with the configuration.
    CheckConfig,
    /// Print the effective configuration, without secrets.
    PrintConfig,
    /// Embed all contexts with another model and switch to it. For a data folder that no server has open.
    Reembed,
    /// Serve the memory tools to an agent over standard input and output.
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
    /// Print a script that completes this command line in a shell.
    Completions(shell::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands into a folder.
    Man(shell::ManArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print the reference of all configuration keys (docs/configuration-reference.md).
    ConfigReference,
    /// Print the reference of all metrics (docs/metrics.md).
    MetricsReference,
}

/// Returns the command line, with its commands in groups.
fn program() -> clap::Command {
    groups::group(Cli::command())
}

/// Runs the command line and returns the process's exit code, with the reason of a failure on standard error.
pub fn run() -> ExitCode {
    let parsed = program()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        // Hosts take the exit code of a bad command line for a refusal of the prompt.
        Err(error) if error.use_stderr() && hook::is_meant() => return hook::give_up(&error.to_string()),
        Err(error) => error.exit(),
    };
    let Some(command) = cli.command else {
        let is_first_look = io::stdout().is_terminal();
        return end(serve::run(cli.options, is_first_look));
    };
    end(match command {
        Command::Serve => serve::run(cli.options, false),
        Command::Demo(args) => demo::run(cli.options, &args),
        Command::Store(args) => store::run(cli.options, &args),
        Command::Search(args) => search::search(cli.options, &args),
        Command::Assemble(args) => search::assemble(cli.options, &args),
        Command::Get(args) => get::run(cli.options, &args),
        Command::List(args) => list::contexts(cli.options, &args),
        Command::Edit(args) => edit::run(cli.options, &args),
        Command::Delete(args) => delete::run(cli.options, &args),
        Command::Sessions(args) => list::sessions(cli.options, &args),
        Command::Scopes(args) => list::scopes(cli.options, &args),
        Command::Stats(args) => stats::run(cli.options, &args),
        Command::Tail(args) => tail::run(cli.options, &args),
        Command::Top(args) => top::run(cli.options, &args),
        Command::Doctor(args) => doctor::run(cli.options, &args),
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
        Command::Completions(args) => shell::completions(&args, program()),
        Command::Man(args) => shell::man(&args, program()),
        Command::Openapi => check::openapi(),
        Command::ConfigReference => check::reference(&crate::config::reference()),
        Command::MetricsReference => check::reference(&crate::metrics::reference()),
    })
}

fn end(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::program;

    #[test]
    fn the_command_line_is_consistent() {
        program().debug_assert();
    }
}
