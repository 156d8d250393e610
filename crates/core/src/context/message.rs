//! Messages of a conversation, as agents have them.

/// Maximum length of a role in bytes.
pub const MAX_ROLE_BYTES: usize = 64;
/// Maximum size of a message in bytes, as JSON.
pub const MAX_MESSAGE_BYTES: usize = 262_144;

/// Message from which a context was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Role of its author, such as `user` or `assistant`.
    pub role: String,
    /// The message as it was sent, in JSON.
    pub json: String,
}
