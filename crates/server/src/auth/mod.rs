//! Authentication and permissions: keys, and tokens of an identity provider.
//!
//! A request's headers become a [`Principal`] here and nowhere else, before anything is done for the request. A refusal
//! tells nothing about keys or tenants that the request did not name.

mod asked;
mod authenticator;
mod credential;
mod denied;
mod files;
mod jwt;
mod key_error;
mod keyring;
pub mod keys_file;
pub mod management;
mod permission;
mod places;
mod principal;
mod shared;
#[cfg(test)]
mod tests;
mod token;
pub mod usage;
mod user;

pub use authenticator::Authenticator;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use credential::inspect;
pub(crate) use denied::{AUTH_FAILURES, lacks};
pub(crate) use jwt::signing_keys;
pub use keyring::KeyringError;
pub use keys_file::KeyRecord;
pub use permission::{Permission, Permissions, UnknownPermission};
pub use places::{KeyPlaces, Place};
pub use principal::Principal;
pub use shared::SharedKeysError;
pub use token::{KeyHash, NewKey, NotAHash};
pub use user::{BoundUser, InvalidUser};

/// Describes this module's metrics to the installed recorder.
pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        AUTH_FAILURES,
        metrics::Unit::Count,
        "Calls answered 401 or 403, by `reason`"
    );
}
