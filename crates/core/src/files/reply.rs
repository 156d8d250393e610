//! Replies to commands.

/// Text for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Result or error message.
    pub text: String,
    /// `true` if the command was refused: `is_error` of the tool's result.
    pub is_error: bool,
}

impl Reply {
    pub(super) fn done(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: false,
        }
    }

    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_error: true,
        }
    }
}
