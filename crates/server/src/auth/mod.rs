//! Who may call what: keys, and what the middleware learns from them.

mod permission;
mod principal;

pub use permission::{Permission, Permissions, UnknownPermission};
pub use principal::Principal;
