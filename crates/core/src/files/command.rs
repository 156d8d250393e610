//! Commands of the memory tool.

/// Command, with the names and meanings of the tool's own parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Shows a file with line numbers, or lists a directory.
    View {
        /// File or directory.
        path: String,
        /// First and last line to show; -1 for the end of the file.
        view_range: Option<(i64, i64)>,
    },
    /// Creates a file; never replaces one.
    Create {
        /// File.
        path: String,
        /// Content.
        file_text: String,
    },
    /// Replaces a text that stands in a file once.
    StrReplace {
        /// File.
        path: String,
        /// Text to replace.
        old_str: String,
        /// Text to put there.
        new_str: String,
    },
    /// Inserts lines.
    Insert {
        /// File.
        path: String,
        /// Line to insert after; 0 for the start of the file.
        insert_line: i64,
        /// Lines to insert.
        insert_text: String,
    },
    /// Deletes a file, or a directory with all that is in it.
    Delete {
        /// File or directory.
        path: String,
    },
    /// Renames or moves a file or a directory.
    Rename {
        /// Present path.
        old_path: String,
        /// New path; nothing may be there.
        new_path: String,
    },
}
