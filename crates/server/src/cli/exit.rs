//! Exit codes, and the report of an error.

use std::io;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use context_manager_client::Error;
use context_manager_client::wire::Problem;
use context_manager_vector_store::Error as StoreError;

use super::safe::safe;

const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Outcome of a command, by its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// Any other failure.
    Failure = 1,
    /// A wrong command line.
    CommandLine = 2,
    /// Something that does not exist.
    NotFound = 3,
    /// No key, a wrong one, or one without the permission.
    Refused = 4,
    /// A request that the server does not accept.
    Invalid = 5,
    /// No answer, or not in time.
    Unavailable = 6,
    /// Something else stands there already.
    Conflict = 7,
    /// Ended by Ctrl-C.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

/// End of a command with an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Stop {
    exit: Exit,
    message: String,
}

impl Stop {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { exit, message }
    }

    /// An end of which the user has been told, or knows.
    pub(super) fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }
}

impl Exit {
    /// Returns the exit code of an error; `None` where the reader of the output is gone and nothing failed.
    pub(super) fn of(error: &anyhow::Error) -> Option<Self> {
        for cause in error.chain() {
            if let Some(stop) = cause.downcast_ref::<Stop>() {
                return Some(stop.exit);
            }
            if let Some(error) = cause.downcast_ref::<Error>() {
                return Some(Self::of_call(error));
            }
            if let Some(StoreError::InUse { .. }) = cause.downcast_ref() {
                return Some(Self::Unavailable);
            }
            if let Some(error) = cause.downcast_ref::<io::Error>()
                && error.kind() == io::ErrorKind::BrokenPipe
            {
                return None;
            }
        }
        Some(Self::Failure)
    }

    fn of_call(error: &Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::of_problem(&refusal.problem),
            Error::Unreachable { .. } | Error::Deadline { .. } | Error::Interrupted { .. } => Self::Unavailable,
            // The client's kinds may grow.
            Error::Setup { .. } | Error::Json(_) | _ => Self::Failure,
        }
    }

    /// Returns the exit code of a problem that the server names.
    pub(super) fn of_problem(problem: &Problem) -> Self {
        match problem.status {
            401 | 403 => Self::Refused,
            404 => Self::NotFound,
            409 => Self::Conflict,
            408 | 429 | 502..=504 | 507 => Self::Unavailable,
            400..=499 => Self::Invalid,
            _ => Self::Failure,
        }
    }

    pub(super) fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// Tells the user of an error, and returns the exit code.
pub(super) fn report(error: &anyhow::Error) -> ExitCode {
    let Some(exit) = Exit::of(error) else {
        return ExitCode::SUCCESS;
    };
    let text = format!("{error:#}");
    if !text.is_empty() {
        anstream::eprintln!("{RED}error:{RED:#} {}", safe(&text));
    }
    let refused = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    if let Some(problem) = refused.and_then(Error::problem) {
        explain(problem);
    }
    exit.code()
}

/// Prints the fields of a problem that are not valid, and the id of the request.
fn explain(problem: &Problem) {
    for field in &problem.errors {
        anstream::eprintln!("  {}: {}", safe(&field.pointer), safe(&field.detail));
    }
    if let Some(id) = &problem.request_id {
        anstream::eprintln!("  {DIM}request id: {}{DIM:#}", safe(id));
    }
}
