//! Commands of tasks: the same cargo that runs the task, in the root of the workspace, never through a shell.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// Returns a command for the cargo that started this task, or the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs `command` with this process's standard streams and waits for it.
///
/// # Errors
/// When it cannot be started or ends with anything but success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// Reads the workspace's packages and the graph of their dependencies, all features of all members on.
///
/// # Errors
/// When cargo cannot read a manifest or resolve the dependencies.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new()
        .features(CargoOpt::AllFeatures)
        .exec()
        .context("cannot read the workspace with `cargo metadata`")
}

/// Returns the command as typed in a shell.
fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    command
        .get_args()
        .fold(program, |line, argument| line + " " + &argument.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_shown_without_its_folder() {
        let mut command = Command::new("/opt/bin/cargo");
        command.args(["fmt", "--all"]);
        assert_eq!(shown(&command), "cargo fmt --all");
    }

    #[test]
    fn failing_command_is_an_error_that_names_it() {
        let error = run(cargo().args(["no-such-subcommand"]).stderr(std::process::Stdio::null())).unwrap_err();
        assert!(error.to_string().contains("cargo no-such-subcommand"), "{error}");
    }
}
