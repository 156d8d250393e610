//! Execution of commands.

use super::command::Command;
use super::edit::{self, Edit};
use super::path::{FilePath, InvalidPath};
use super::reply::Reply;
use super::store::{FileStore, Written};
use super::view;
use crate::context::MAX_TEXT_BYTES;

/// Maximum size of a file in bytes.
pub const MAX_FILE_BYTES: usize = MAX_TEXT_BYTES;

/// Number of times that an edit is tried while other clients change the file.
const ATTEMPTS: usize = 4;

/// Result of a step: a refusal ends the command.
type Step<T, E> = Result<Result<T, Reply>, E>;

/// Goes on with the value of a step, or returns the refusal.
macro_rules! step {
    ($step:expr) => {
        match $step {
            Ok(value) => value,
            Err(refused) => return Ok(refused),
        }
    };
}

/// Executes a command. A refused command is a reply too.
///
/// # Errors
/// The store failed.
pub async fn run<S: FileStore + ?Sized>(store: &S, command: &Command) -> Result<Reply, S::Error> {
    match command {
        Command::View { path, view_range } => view(store, &step!(parse(path)), *view_range).await,
        Command::Create { path, file_text } => create(store, &step!(parse(path)), file_text).await,
        Command::StrReplace { path, old_str, new_str } => {
            let path = step!(parse(path));
            let missing = format!("Error: The path {path} does not exist. Please provide a valid path.");
            change(store, &path, missing, |text| {
                edit::replace(&path, text, old_str, new_str)
            })
            .await
        }
        Command::Insert {
            path,
            insert_line,
            insert_text,
        } => {
            let path = step!(parse(path));
            change(store, &path, absent(&path), |text| {
                edit::insert(&path, text, *insert_line, insert_text)
            })
            .await
        }
        Command::Delete { path } => delete(store, &step!(parse(path))).await,
        Command::Rename { old_path, new_path } => rename(store, &step!(parse(old_path)), &step!(parse(new_path))).await,
    }
}

fn parse(path: &str) -> Result<FilePath, Reply> {
    FilePath::try_new(path).map_err(|error| {
        let shown = shown(path);
        Reply::refused(match error {
            InvalidPath::Outside => format!("Path must start with /memories, got: {shown}"),
            InvalidPath::Escapes => format!("Path {shown} would escape /memories directory"),
            InvalidPath::Malformed => format!("Path {shown} is not valid: it {error}"),
        })
    })
}

/// Returns a path for a message: bounded, and without control characters.
fn shown(path: &str) -> String {
    let path = &path[..path.floor_char_boundary(super::path::MAX_PATH_BYTES)];
    path.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn absent(path: &FilePath) -> String {
    format!("Error: The path {path} does not exist")
}

async fn view<S: FileStore + ?Sized>(store: &S, path: &FilePath, range: Option<(i64, i64)>) -> Result<Reply, S::Error> {
    if let Some(file) = store.read(path).await? {
        return Ok(view::file(path, &file.text, range).map_or_else(Reply::refused, Reply::done));
    }
    let files = store.list(path).await?;
    if files.is_empty() && !path.is_root() {
        return Ok(Reply::refused(format!(
            "The path {path} does not exist. Please provide a valid path."
        )));
    }
    Ok(Reply::done(view::directory(path, &files)))
}

async fn create<S: FileStore + ?Sized>(store: &S, path: &FilePath, text: &str) -> Result<Reply, S::Error> {
    step!(storable(text));
    step!(inside_directories(store, path).await?);
    let taken = is_directory(store, path).await? || store.create(path, text).await? != Written::Done;
    Ok(if taken {
        Reply::refused(format!("Error: File {path} already exists"))
    } else {
        Reply::done(format!("File created successfully at: {path}"))
    })
}

/// Edits a file, again if another client changed it in between.
async fn change<S: FileStore + ?Sized>(
    store: &S,
    path: &FilePath,
    missing: String,
    edit: impl Fn(&str) -> Result<Edit, String>,
) -> Result<Reply, S::Error> {
    for _ in 0..ATTEMPTS {
        let Some(file) = store.read(path).await? else {
            return Ok(Reply::refused(missing));
        };
        let edit = step!(edit(&file.text).map_err(Reply::refused));
        step!(storable(&edit.text));
        if store.replace(path, file.version, &edit.text).await? == Written::Done {
            return Ok(Reply::done(edit.message));
        }
    }
    Ok(Reply::refused(format!(
        "Error: The file {path} is being changed by others. View it and try again."
    )))
}

async fn delete<S: FileStore + ?Sized>(store: &S, path: &FilePath) -> Result<Reply, S::Error> {
    if path.is_root() {
        return Ok(Reply::refused("Cannot delete the /memories directory itself"));
    }
    let mut deleted = store.delete(path).await?;
    for file in store.list(path).await? {
        deleted |= store.delete(&file.path).await?;
    }
    Ok(if deleted {
        Reply::done(format!("Successfully deleted {path}"))
    } else {
        Reply::refused(absent(path))
    })
}

async fn rename<S: FileStore + ?Sized>(store: &S, from: &FilePath, to: &FilePath) -> Result<Reply, S::Error> {
    if from.is_root() {
        return Ok(Reply::refused("Cannot rename the /memories directory itself"));
    }
    let taken = format!("Error: The destination {to} already exists");
    if is_directory(store, to).await? || store.read(to).await?.is_some() {
        return Ok(Reply::refused(taken));
    }
    if from.relative(to).is_some() {
        return Ok(Reply::refused(format!(
            "Error: The path {from} cannot be moved into itself"
        )));
    }
    step!(inside_directories(store, to).await?);
    let mut moves = vec![(from.clone(), to.clone())];
    for file in store.list(from).await? {
        let Ok(destination) = from.moved(&file.path, to) else {
            return Ok(Reply::refused(format!("Error: A path below {to} would be too long")));
        };
        moves.push((file.path, destination));
    }
    let mut renamed = false;
    for (from, to) in &moves {
        match store.rename(from, to).await? {
            Written::Done => renamed = true,
            Written::Stale => {}
            Written::Taken => return Ok(Reply::refused(taken)),
        }
    }
    Ok(if renamed {
        Reply::done(format!("Successfully renamed {from} to {to}"))
    } else {
        Reply::refused(absent(from))
    })
}

/// Refuses a text that no file holds.
fn storable(text: &str) -> Result<(), Reply> {
    let bytes = text.len();
    if bytes > MAX_FILE_BYTES {
        return Err(Reply::refused(format!(
            "Error: The file would have {bytes} bytes; the maximum is {MAX_FILE_BYTES}. Divide it into several files."
        )));
    }
    if text.contains('\0') {
        return Err(Reply::refused("Error: A file cannot hold the character NUL (U+0000)"));
    }
    Ok(())
}

async fn is_directory<S: FileStore + ?Sized>(store: &S, path: &FilePath) -> Result<bool, S::Error> {
    Ok(path.is_root() || !store.list(path).await?.is_empty())
}

/// Refuses a path below a file.
async fn inside_directories<S: FileStore + ?Sized>(store: &S, path: &FilePath) -> Step<(), S::Error> {
    for parent in path.parents() {
        if store.read(&parent).await?.is_some() {
            return Ok(Err(Reply::refused(format!(
                "Error: The path {parent} is not a directory"
            ))));
        }
    }
    Ok(Ok(()))
}
