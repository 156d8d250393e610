//! Installation into hosts: their files get what is ours, keep what is not, and lose exactly ours again.

mod command;
mod edit;
mod json;
mod tables;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::hosts::Host;
use crate::pieces::{Base, Piece};
use crate::places::Places;

pub use command::Program;
pub use edit::InstallError;

/// Outcome of an installation or its removal in one host.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The host.
    pub host: &'static str,
    /// Files that changed.
    pub changed: Vec<PathBuf>,
    /// Backups that were made, or that files were restored from.
    pub backups: Vec<PathBuf>,
    /// A step that is left to the user.
    pub next_step: Option<&'static str>,
}

impl Host {
    /// Returns true if the host has been used on this machine.
    pub fn is_present(self, places: &Places, variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
        let file = self.pieces().first().map(Piece::file);
        file.is_some_and(|(base, path)| {
            let folder = base.folder(places, variable);
            // A file in a folder that all programs share has a folder of its host first.
            let host = path
                .split_once('/')
                .filter(|_| matches!(base, Base::Config | Base::Program));
            host.map_or(folder.clone(), |(host, _)| folder.join(host)).is_dir()
        })
    }
}

/// Installs us into a host. Doing so again changes nothing.
///
/// # Errors
/// When a file cannot be read or written, or is not what the host reads; it stays as it is then.
pub fn install(
    host: Host,
    program: &Program,
    places: &Places,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Outcome, InstallError> {
    change(host, places, variable, |path, pieces| {
        edit::install(path, pieces, host, program)
    })
}

/// Takes us out of a host again.
///
/// # Errors
/// When a file cannot be read or written, or is not what the host reads; it stays as it is then.
pub fn uninstall(
    host: Host,
    program: &Program,
    places: &Places,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Outcome, InstallError> {
    let mut outcome = change(host, places, variable, |path, pieces| {
        edit::uninstall(path, pieces, host, program)
    })?;
    outcome.next_step = None;
    Ok(outcome)
}

fn change(
    host: Host,
    places: &Places,
    variable: &dyn Fn(&str) -> Option<OsString>,
    edit: impl Fn(&Path, &[Piece]) -> Result<edit::Edited, InstallError>,
) -> Result<Outcome, InstallError> {
    let mut files: BTreeMap<PathBuf, Vec<Piece>> = BTreeMap::new();
    for piece in host.pieces() {
        let (base, path) = piece.file();
        files
            .entry(base.folder(places, variable).join(path))
            .or_default()
            .push(*piece);
    }
    let mut outcome = Outcome {
        host: host.name(),
        changed: Vec::new(),
        backups: Vec::new(),
        next_step: host.next_step(),
    };
    for (path, pieces) in files {
        let edited = edit(&path, &pieces)?;
        outcome.backups.extend(edited.backup);
        if edited.changed {
            outcome.changed.push(path);
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests;
