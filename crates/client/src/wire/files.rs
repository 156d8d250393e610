//! Commands of the memory tool, and their results.

use context_manager_core::Violations;
use context_manager_core::context::MAX_ID_BYTES;
use context_manager_core::files::{Command, Reply};
use serde::{Deserialize, Serialize};

/// Command of the memory tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    /// Show a file (`path`, `view_range`) or list a directory.
    #[default]
    View,
    /// Create a file (`path`, `file_text`).
    Create,
    /// Replace a text that stands once in a file (`path`, `old_str`, `new_str`).
    StrReplace,
    /// Insert lines (`path`, `insert_line`, `insert_text`).
    Insert,
    /// Delete a file or a directory (`path`).
    Delete,
    /// Rename or move a file or a directory (`old_path`, `new_path`).
    Rename,
}

/// Input of the memory tool as the model wrote it, and the memory it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FileCommand {
    /// Command; each takes fields of its own.
    pub command: FileAction,
    /// File or directory below `/memories`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// First and last line to show; -1 for the end of the file.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<i64>>, min_items = 2, max_items = 2))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view_range: Option<(i64, i64)>,
    /// Content of a new file, at most 32,768 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_text: Option<String>,
    /// Text to replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_str: Option<String>,
    /// Text to put there; nothing by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_str: Option<String>,
    /// Line to insert after; 0 for the start of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insert_line: Option<i64>,
    /// Lines to insert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insert_text: Option<String>,
    /// Present path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// New path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_path: Option<String>,
    /// User whose files they are; nobody's by default.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Path in the tree of scopes; each scope has files of its own.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 512))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl FileCommand {
    /// Converts it to a command.
    ///
    /// # Errors
    /// Fields that are missing, not of the command, or not valid.
    pub fn into_command(mut self) -> Result<Command, Violations> {
        let mut found = Violations::default();
        if let Some(user_id) = &self.user_id {
            found.word("/user_id", user_id, MAX_ID_BYTES);
        }
        if let Some(scope) = &self.scope {
            found.scope_path("/scope", scope);
        }
        let missing = |found: &mut Violations, field: &str| found.invalid(format!("/{field}"), "is required");
        let text = |found: &mut Violations, field: &str, value: Option<String>| {
            value.unwrap_or_else(|| {
                missing(found, field);
                String::new()
            })
        };
        let command = match self.command {
            FileAction::View => Command::View {
                path: text(&mut found, "path", self.path.take()),
                view_range: self.view_range.take(),
            },
            FileAction::Create => Command::Create {
                path: text(&mut found, "path", self.path.take()),
                file_text: text(&mut found, "file_text", self.file_text.take()),
            },
            FileAction::StrReplace => Command::StrReplace {
                path: text(&mut found, "path", self.path.take()),
                old_str: text(&mut found, "old_str", self.old_str.take()),
                new_str: self.new_str.take().unwrap_or_default(),
            },
            FileAction::Insert => Command::Insert {
                path: text(&mut found, "path", self.path.take()),
                insert_line: self.insert_line.take().unwrap_or_else(|| {
                    missing(&mut found, "insert_line");
                    0
                }),
                insert_text: text(&mut found, "insert_text", self.insert_text.take()),
            },
            FileAction::Delete => Command::Delete {
                path: text(&mut found, "path", self.path.take()),
            },
            FileAction::Rename => Command::Rename {
                old_path: text(&mut found, "old_path", self.old_path.take()),
                new_path: text(&mut found, "new_path", self.new_path.take()),
            },
        };
        let left = [
            ("path", self.path.is_some()),
            ("view_range", self.view_range.is_some()),
            ("file_text", self.file_text.is_some()),
            ("old_str", self.old_str.is_some()),
            ("new_str", self.new_str.is_some()),
            ("insert_line", self.insert_line.is_some()),
            ("insert_text", self.insert_text.is_some()),
            ("old_path", self.old_path.is_some()),
            ("new_path", self.new_path.is_some()),
        ];
        for (field, _) in left.into_iter().filter(|(_, is_left)| *is_left) {
            found.invalid(format!("/{field}"), "is no field of this command");
        }
        found.into_result()?;
        Ok(command)
    }
}

/// Result of a command, as the tool returns it to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileResult {
    /// Text for the model.
    pub result: String,
    /// `true` if the command was refused; nothing was changed then.
    pub is_error: bool,
}

impl From<Reply> for FileResult {
    fn from(reply: Reply) -> Self {
        Self {
            result: reply.text,
            is_error: reply.is_error,
        }
    }
}
