//! `cargo xtask clients`: checks the clients in other languages with their own tools, against the server of this workspace.
//!
//! Packages come from the languages' registries, at the versions that the clients' manifests name. A language that is not
//! installed is skipped with the command that checks its client.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::process;

/// Variable that names the server to test against.
pub(crate) const SERVER: &str = "CONTEXT_MANAGER_BIN";

/// Checks of the client in Python.
const PYTHON: &[&str] = &[
    "scripts/generate.py --check",
    "-m ruff check",
    "-m ruff format --check",
    "-m mypy",
    "-m pytest --quiet",
];
/// Checks of its adapter for Hermes.
const HERMES: &[&str] = &["-m pytest --quiet tests/adapters/test_hermes.py"];

/// Checks all clients, and stops at the first failure.
///
/// # Errors
/// When a check fails, or packages cannot be installed.
pub(crate) fn run() -> Result<()> {
    let metadata = process::metadata()?;
    let target = metadata.target_directory.as_std_path();
    let clients = metadata.workspace_root.as_std_path().join("clients");
    let server = server(target)?;
    let run = |folder: &str, program: &Path, line: &str| {
        let arguments = line.split(' ').filter(|word| !word.is_empty());
        let mut command = Command::new(program);
        process::run(
            command
                .args(arguments)
                .current_dir(clients.join(folder))
                .env(SERVER, &server),
        )
    };
    if answers(
        "python3",
        &[
            "-c",
            "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))",
        ],
    ) {
        // Hermes pins its dependencies, so it has an environment of its own.
        for (environment, groups, checks) in [
            ("python", "--group dev --group adapters", PYTHON),
            ("hermes", "--group dev --group hermes", HERMES),
        ] {
            let venv = target.join("clients").join(environment);
            process::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            let python = venv.join("bin").join("python");
            // Groups of dependencies need a pip of 2025.
            run("python", &python, "-m pip install --quiet --upgrade pip")?;
            run(
                "python",
                &python,
                &format!("-m pip install --quiet --editable . {groups}"),
            )?;
            for check in checks {
                run("python", &python, check)?;
            }
        }
    } else {
        skip("Python 3.10 with venv");
    }
    if answers("npm", &["--version"]) {
        // The examples install a packed copy of the client.
        for (folder, check) in [
            ("typescript", "ci --no-audit --no-fund"),
            ("../examples/typescript", "ci --no-audit --no-fund"),
            ("../examples/ai-sdk", "ci --no-audit --no-fund"),
            ("typescript", "run check"),
            ("typescript", "test"),
        ] {
            run(folder, Path::new("npm"), check)?;
        }
    } else {
        skip("npm");
    }
    Ok(())
}

fn skip(missing: &str) {
    println!("skipped: {missing} is not installed: cargo xtask clients");
}

/// Returns the server that the environment names, or the one of this workspace, built if it is not there.
pub(crate) fn server(target: &Path) -> Result<PathBuf> {
    if let Some(server) = env::var_os(SERVER) {
        return Ok(server.into());
    }
    let server = target
        .join("debug")
        .join(format!("context-manager{}", env::consts::EXE_SUFFIX));
    if !server.exists() {
        process::run(process::cargo().args(["build", "--workspace", "--bin", "context-manager"]))?;
    }
    Ok(server)
}

/// Returns true if a program is installed and ends with success.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_or_fails_does_not_answer() {
        assert!(answers("cargo", &["--version"]));
        assert!(!answers("cargo", &["no-such-subcommand"]));
        assert!(!answers("no-such-program", &[]));
    }
}
