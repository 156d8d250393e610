//! The command line, as a user and a program run it: the real binary.

mod doctor;
mod first_run;
mod help;
mod memory;
mod output;
mod store;
mod watch;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    /// Returns what was printed by a command that succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Returns the JSON lines of a command that succeeded.
    #[track_caller]
    pub(crate) fn lines(self) -> Vec<Value> {
        let text = self.ok();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks the exit code, and that the user is told this.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, told: &str) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(told), "{told} is not in: {}", self.stderr);
    }
}

/// The binary with the data folder `data` and nothing else of this machine.
pub(crate) fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_context-manager"));
    command
        .current_dir(data.parent().unwrap())
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("CONTEXT_MANAGER_VECTOR_DB__PATH", data)
        .env("CONTEXT_MANAGER_EMBEDDING__MODEL", "tl-256-int8")
        .stdin(Stdio::null());
    command
}

/// Runs a command on the data folder `data`.
pub(crate) fn run(data: &Path, arguments: &[&str]) -> Done {
    program(data).args(arguments).output().unwrap().into()
}

/// Runs a command on the data folder `data` with this standard input.
pub(crate) fn run_with_input(data: &Path, arguments: &[&str], input: &str) -> Done {
    let mut process = program(data)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = process.wait_with_output().unwrap();
    // A command may end before it has read everything.
    let _ = writer.join().unwrap();
    output.into()
}
