//! Who may call what: keys, tokens of an identity provider, and what the middleware learns from them.
//!
//! A request's headers become a [`Principal`] here and nowhere else, before anything is done for the request. Whoever is
//! turned away learns nothing about keys or tenants that he did not bring.

mod asked;
mod authenticator;
mod credential;
mod denied;
mod files;
mod jwt;
mod keyring;
pub mod keys_file;
mod permission;
mod principal;
mod token;
pub mod usage;

pub use authenticator::Authenticator;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use credential::inspect;
pub(crate) use denied::lacks;
pub use keyring::KeyringError;
pub use keys_file::KeyRecord;
pub use permission::{Permission, Permissions, UnknownPermission};
pub use principal::Principal;
pub use token::{KeyHash, NewKey, NotAHash};
