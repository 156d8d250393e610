//! The tenant of callers that bring no key.

use context_manager_core::{InvalidTenant, TenantId};

/// Its name.
pub(crate) const DEFAULT_TENANT: &str = "default";

/// Returns the tenant of callers where no keys are asked for.
///
/// # Errors
/// Never, as the name is a constant that fits.
pub fn default_tenant() -> Result<TenantId, InvalidTenant> {
    TenantId::try_new(DEFAULT_TENANT)
}
