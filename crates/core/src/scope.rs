//! Tenants and scopes.
//!
//! A [`Scope`] is the first argument of every call that reads or writes contexts. The server creates one only after
//! authentication; a tenant never comes from a request body.

use std::fmt;
use std::sync::Arc;

/// Maximum length of a tenant name in bytes.
pub const MAX_TENANT_BYTES: usize = 64;

/// Name of a tenant: 1 to 64 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

/// Error for a tenant name with an invalid character or length.
#[derive(Debug, thiserror::Error)]
#[error("a tenant name has 1 to {MAX_TENANT_BYTES} characters of A-Z a-z 0-9 . _ -")]
pub struct InvalidTenant;

impl TenantId {
    /// Checks a tenant name.
    ///
    /// # Errors
    /// [`InvalidTenant`] if it is empty, too long or has another character.
    pub fn try_new(name: &str) -> Result<Self, InvalidTenant> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > MAX_TENANT_BYTES || !name.bytes().all(allowed) {
            return Err(InvalidTenant);
        }
        Ok(Self(name.into()))
    }

    /// Returns `true` for tenants of the server itself, which begin with `_` and are never a caller's.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('_')
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Tenant for which a caller was authenticated. Every store call requires one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    tenant: TenantId,
}

impl Scope {
    /// Creates the scope of an authenticated caller. In the server only authentication calls this; `cargo xtask tidy`
    /// checks that.
    pub fn authenticated(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// Creates the scope of background work for a tenant, such as pending embeddings.
    pub fn maintenance(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// Returns the tenant.
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
