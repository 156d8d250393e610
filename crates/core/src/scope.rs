//! Whose data a call may touch.
//!
//! A [`Scope`] is the first argument of every call that reads or writes contexts. The server makes one only after
//! authentication; a tenant never comes from a request body.

use std::fmt;
use std::sync::Arc;

/// The longest tenant name in bytes.
pub const MAX_TENANT_BYTES: usize = 64;

/// The name of a tenant: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

/// A tenant name with characters or a length that are not allowed.
#[derive(Debug, thiserror::Error)]
#[error("a tenant name has 1 to {MAX_TENANT_BYTES} characters of A-Z a-z 0-9 . _ -")]
pub struct InvalidTenant;

impl TenantId {
    /// Checks and takes a tenant name.
    ///
    /// # Errors
    /// [`InvalidTenant`] when it is empty, too long or holds another character.
    pub fn try_new(name: &str) -> Result<Self, InvalidTenant> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > MAX_TENANT_BYTES || !name.bytes().all(allowed) {
            return Err(InvalidTenant);
        }
        Ok(Self(name.into()))
    }

    /// Whether it is one of the server's own, which begin with `_`: no caller's tenant is.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('_')
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a caller was authenticated for. Every store call demands one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    tenant: TenantId,
}

impl Scope {
    /// The scope of a caller whose tenant has been established. Only authentication calls this; `cargo xtask tidy` sees to
    /// it.
    pub fn authenticated(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// The scope of work that no caller asked for, such as embedding what was left pending, for one tenant after the other.
    pub fn maintenance(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// The tenant whose data this scope reaches.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenant_names_are_checked() {
        for good in ["a", "acme-1", "A.b_c", &"x".repeat(64)] {
            assert!(TenantId::try_new(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(TenantId::try_new(bad).is_err(), "{bad}");
        }
    }
}
