//! The `context-manager` binary.

use std::process::ExitCode;

use rustix::fs::Mode;

fn main() -> ExitCode {
    // Whatever is made, by the engine too, belongs to its owner alone.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    context_manager::cli::run()
}
