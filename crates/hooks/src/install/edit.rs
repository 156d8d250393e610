//! Files of hosts: what is ours put in and taken out, with a backup.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::command::Program;
use super::json::{self, JsonError, Shape};
use super::tables;
use crate::file;
use crate::hosts::Host;
use crate::pieces::{Hooks, NAME, Piece};

/// Maximum number of backups of a file.
const MAX_BACKUPS: usize = 10;

/// Problem with a file of a host, which is as it was.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// It cannot be read or written.
    #[error("{}", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// It is not the JSON that the host reads.
    #[error("{}", .0.display())]
    Json(PathBuf, #[source] JsonError),
    /// It is not TOML.
    #[error("{}", .0.display())]
    Toml(PathBuf, #[source] toml_edit::TomlError),
    /// There are too many backups of it.
    #[error("{}: {MAX_BACKUPS} backups of it exist; remove some", .0.display())]
    Backups(PathBuf),
}

/// Outcome of an edit.
#[derive(Debug, Default)]
pub(super) struct Edited {
    pub(super) changed: bool,
    pub(super) backup: Option<PathBuf>,
}

/// A file and the pieces of ours that belong into it.
struct Target<'a> {
    path: &'a Path,
    pieces: &'a [Piece],
    host: Host,
    program: &'a Program,
}

pub(super) fn install(path: &Path, pieces: &[Piece], host: Host, program: &Program) -> Result<Edited, InstallError> {
    let target = Target {
        path,
        pieces,
        host,
        program,
    };
    let there = read(path)?;
    let before = there.as_deref().unwrap_or_default();
    let after = target.with(before)?;
    if there.is_some() && after == before {
        return Ok(Edited::default());
    }
    // A file that we are in already has its backup from then.
    let is_foreign = !before.is_empty() && target.without(before)? == before;
    let backup = if is_foreign { Some(back_up(path, before)?) } else { None };
    write(path, &after)?;
    Ok(Edited { changed: true, backup })
}

pub(super) fn uninstall(path: &Path, pieces: &[Piece], host: Host, program: &Program) -> Result<Edited, InstallError> {
    let target = Target {
        path,
        pieces,
        host,
        program,
    };
    let Some(before) = read(path)? else {
        return Ok(Edited::default());
    };
    let after = target.without(&before)?;
    if after == before {
        return Ok(Edited::default());
    }
    // Nobody else changed the file since: it becomes what it was, to the byte.
    for backup in backups(path) {
        let Some(original) = read(&backup)? else { continue };
        // Not every file of that name is a backup of ours.
        let is_original = target.without(&original).is_ok_and(|rest| rest == original)
            && target.with(&original).is_ok_and(|with| with == before);
        if is_original {
            write(path, &original)?;
            file::remove(&backup).map_err(|error| InstallError::File(backup.clone(), error))?;
            return Ok(Edited {
                changed: true,
                backup: Some(backup),
            });
        }
    }
    if target.is_empty(&after) {
        file::remove(path).map_err(|error| InstallError::File(path.to_owned(), error))?;
        remove_own_folder(path);
    } else {
        write(path, &after)?;
    }
    Ok(Edited {
        changed: true,
        backup: None,
    })
}

impl Target<'_> {
    /// Returns the file with everything of ours.
    fn with(&self, text: &str) -> Result<String, InstallError> {
        let mut text = text.to_owned();
        for piece in self.pieces {
            text = match piece {
                Piece::Hooks(Hooks::Nested { hooks, .. } | Hooks::OwnNested { hooks, .. }) => {
                    self.json(json::add_hooks(&text, Shape::Nested, hooks, self.host, self.program))?
                }
                Piece::Hooks(Hooks::Flat { hooks, .. }) => {
                    self.json(json::add_hooks(&text, Shape::Flat, hooks, self.host, self.program))?
                }
                Piece::Hooks(Hooks::OwnFlat { hooks, .. }) => {
                    self.json(json::add_hooks(&text, Shape::Bash, hooks, self.host, self.program))?
                }
                Piece::JsonServer { path, form, .. } => {
                    self.json(json::add_server(&text, path, *form, self.program))?
                }
                Piece::TomlServer { .. } => self.toml(tables::add_server(&text, self.program))?,
                Piece::OwnFile { content, .. } => {
                    let program = serde_json::Value::from(self.program.text()).to_string();
                    content.replace("\"{program}\"", &program)
                }
            };
        }
        if !text.ends_with('\n') && self.is_new(&text) {
            text.push('\n');
        }
        Ok(text)
    }

    /// Returns the file with nothing of ours.
    fn without(&self, text: &str) -> Result<String, InstallError> {
        let mut text = text.to_owned();
        for piece in self.pieces {
            text = match piece {
                Piece::Hooks(_) => self.json(json::remove_hooks(&text))?,
                Piece::JsonServer { path, .. } => self.json(json::remove_server(&text, path))?,
                Piece::TomlServer { .. } => self.toml(tables::remove_server(&text))?,
                Piece::OwnFile { .. } => String::new(),
            };
        }
        Ok(text)
    }

    /// Returns true if a file without anything of ours need not stay.
    fn is_empty(&self, text: &str) -> bool {
        match self.pieces {
            [Piece::OwnFile { .. } | Piece::TomlServer { .. }] => text.trim().is_empty(),
            _ => json::is_empty(text),
        }
    }

    fn is_new(&self, text: &str) -> bool {
        self.without(text).is_ok_and(|rest| self.is_empty(&rest))
    }

    fn json<T>(&self, edited: Result<T, JsonError>) -> Result<T, InstallError> {
        edited.map_err(|error| InstallError::Json(self.path.to_owned(), error))
    }

    fn toml<T>(&self, edited: Result<T, toml_edit::TomlError>) -> Result<T, InstallError> {
        edited.map_err(|error| InstallError::Toml(self.path.to_owned(), error))
    }
}

/// Returns the names of a file's backups: `settings.json.backup`, `settings.json.backup.1` and so on.
fn backups(path: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    (0..MAX_BACKUPS).map(|number| {
        let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
        name.push(".backup");
        if number > 0 {
            name.push(format!(".{number}"));
        }
        path.with_file_name(name)
    })
}

/// Writes a backup under a free name: an older one may be the user's.
fn back_up(path: &Path, text: &str) -> Result<PathBuf, InstallError> {
    for backup in backups(path) {
        match read(&backup)? {
            Some(there) if there != text => {}
            Some(_) => return Ok(backup),
            None => {
                write(&backup, text)?;
                return Ok(backup);
            }
        }
    }
    Err(InstallError::Backups(path.to_owned()))
}

/// Removes the folder of a plug-in of ours once it is empty.
fn remove_own_folder(path: &Path) {
    if let Some(folder) = path.parent().filter(|folder| folder.ends_with(NAME)) {
        // Fails while another file is in it, which is right.
        let _ = std::fs::remove_dir(folder);
    }
}

fn read(path: &Path) -> Result<Option<String>, InstallError> {
    file::read(path).map_err(|error| InstallError::File(path.to_owned(), error))
}

fn write(path: &Path, text: &str) -> Result<(), InstallError> {
    file::replace(path, text.as_bytes()).map_err(|error| InstallError::File(path.to_owned(), error))
}
