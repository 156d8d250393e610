//! The files of each source, and their readers.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::intake::Intake;
use super::source::Source;
use super::{chatgpt, claude, claude_code, files, hindsight, mcp_memory, mem0};

/// Returns the files of an export: the one that is given, or those in a folder.
///
/// # Errors
/// Nothing there can be read, or belongs to such an export.
pub(crate) fn files_of(source: Source, path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (has, names): (fn(&Path) -> bool, &str) = match source {
        Source::Mem0 => (mem0::has, mem0::FILES),
        Source::Chatgpt => (chatgpt::has, chatgpt::FILES),
        Source::Claude => (claude::has, claude::FILES),
        Source::ClaudeCode => (claude_code::has, claude_code::FILES),
        Source::McpMemory => (mcp_memory::has, mcp_memory::FILES),
        Source::Hindsight => (hindsight::has, hindsight::FILES),
    };
    let found = files::find(path, has)?;
    ensure!(!found.is_empty(), "`{}` has no {names}", path.display());
    Ok(found)
}

/// Reads the files of an export.
///
/// # Errors
/// A batch could not be delivered. What is wrong with a file or a record is reported, and ends nothing.
pub(crate) fn read(files: &[PathBuf], intake: &mut Intake<'_>) -> anyhow::Result<()> {
    let read = match intake.source() {
        Source::Mem0 => mem0::read,
        Source::Chatgpt => chatgpt::read,
        Source::Claude => claude::read,
        Source::ClaudeCode => claude_code::read,
        Source::McpMemory => mcp_memory::read,
        Source::Hindsight => hindsight::read,
    };
    for file in files {
        read(file, intake)?;
    }
    intake.flush()
}
