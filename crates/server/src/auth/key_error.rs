//! Reasons for not changing the keys.

use context_manager_core::InvalidTenant;
use context_manager_core::ports::MAX_DOCUMENT_BYTES;
use jiff::Timestamp;

use super::keys_file::KeysFileError;
use super::shared::SharedKeysError;

/// Maximum length of a key's name, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 100;

/// Reason for not changing the keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeysFileError),
    /// The keys in the store cannot be used.
    #[error(transparent)]
    Shared(#[from] SharedKeysError),
    /// The store has no room for another key.
    #[error("the store has no room for another key: all of some {} MiB are of keys that are valid", MAX_DOCUMENT_BYTES >> 20)]
    Full,
    /// There is no store that servers share.
    #[error("there is no store that servers share: vector_db.url is not set")]
    NoStore,
    /// No key has this id.
    #[error("there is no key {0}")]
    Unknown(String),
    /// The key is revoked or expired.
    #[error("the key {0} is not valid any more; make a new one")]
    NotValid(String),
    /// The tenant's name is none.
    #[error("{0}")]
    Tenant(#[from] InvalidTenant),
    /// The tenant is the server's own.
    #[error("tenants that begin with `_` are the server's own")]
    Reserved,
    /// The name of the key is too long.
    #[error("a name has at most {MAX_NAME_BYTES} bytes")]
    Name,
    /// No permission was named.
    #[error("a key has at least one permission")]
    NoPermission,
    /// The key has a user, and permissions that reach beyond that user.
    #[error("a key that is bound to a user can have the permissions read and write alone")]
    Exceeds,
    /// The time is over already.
    #[error("{0} is over already")]
    Over(Timestamp),
    /// There are no random numbers.
    #[error("the operating system gives no random numbers")]
    Random(#[from] getrandom::Error),
}
