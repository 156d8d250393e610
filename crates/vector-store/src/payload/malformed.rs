//! Errors of stored forms, and the names in them.

use context_manager_core::context::{Level, Origin};

/// Error of encoding or decoding a context. It never repeats stored text, which must not appear in logs.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// It is not of the stored form.
    #[error("a stored context cannot be read")]
    Unreadable(#[from] serde_json::Error),
    /// Its level is unknown.
    #[error("a stored context has the unknown level `{0}`")]
    Level(String),
    /// Its origin is unknown.
    #[error("a stored context has the unknown origin `{0}`")]
    Origin(String),
    /// A change in its history is unknown.
    #[error("a stored context has the unknown change `{0}`")]
    Change(String),
    /// One of its times is out of range.
    #[error("a stored context has a time that is out of range")]
    Time(#[from] jiff::Error),
    /// Its checksum differs.
    #[error("a stored context fails its checksum")]
    Damaged,
    /// It belongs to another tenant.
    #[error("a stored context belongs to another tenant than its place says")]
    Tenant,
}

/// Reads an origin; contexts without one are of users.
pub(super) fn origin(name: Option<String>) -> Result<Origin, Malformed> {
    let Some(name) = name else { return Ok(Origin::User) };
    name.parse().map_err(|_unknown| Malformed::Origin(name))
}

/// Reads a level.
pub(super) fn level(name: String) -> Result<Level, Malformed> {
    name.parse().map_err(|_unknown| Malformed::Level(name))
}
