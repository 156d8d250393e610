//! Tasks of this repository that are more than one cargo command: `cargo xtask <task>`.
//!
//! Each task is a module. They run cargo and the server as processes, and link no crate of the workspace but the client.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool writes to the standard streams"
)]

mod ci;
mod clients;
mod console;
mod eval;
mod integration;
mod load;
mod process;
mod report;
mod subject;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

/// Tasks of the context-manager repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Runs every check a change has to pass, and stops at the first failure
    Ci,
    /// Checks the layering of the crates, circles of files, manifests, the length and voice of files, and links of the docs
    Tidy(tidy::Args),
    /// Checks the clients in Python and TypeScript
    Clients,
    /// Checks the console, in a browser too
    Console,
    /// Runs the tests that need a Qdrant server: one that the environment names, or containers
    Integration,
    /// Measures retrieval: stores texts in a server, asks questions about them, prints what was found
    Eval(eval::Args),
    /// Measures latency and throughput: stores generated texts in a server and searches among them
    Load(load::Args),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Ci => ci::run(),
        Task::Tidy(args) => tidy::run(&args),
        Task::Clients => clients::run(),
        Task::Console => console::run(),
        Task::Integration => integration::run(),
        Task::Eval(args) => eval::run(&args),
        Task::Load(args) => load::run(&args),
    };
    // Not returned from `main`: with RUST_BACKTRACE set, that would bury the message below a backtrace.
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Task;

    #[test]
    fn command_line_is_consistent() {
        Task::command().debug_assert();
    }
}
