//! The `context-manager` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    context_manager::cli::run()
}
