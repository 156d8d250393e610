//! Who is calling.

use std::sync::Arc;

use context_manager_core::{Scope, TenantId};

use super::{Permission, Permissions};

/// What the log calls a caller who needed no key.
const ANONYMOUS: &str = "anonymous";

/// An authenticated caller. The middleware puts it into the request's extensions before anything else is done for the
/// request; routes that need no key have none.
#[derive(Debug, Clone)]
pub struct Principal {
    scope: Scope,
    key_id: Arc<str>,
    permissions: Permissions,
}

impl Principal {
    /// A caller who proved to be this tenant's. The only place that makes a [`Scope`] for a request.
    pub(super) fn new(tenant: TenantId, key_id: Arc<str>, permissions: Permissions) -> Self {
        Self {
            scope: Scope::authenticated(tenant),
            key_id,
            permissions,
        }
    }

    /// Any caller, where no keys are asked for.
    pub(super) fn anonymous(tenant: TenantId) -> Self {
        Self::new(tenant, ANONYMOUS.into(), Permissions::all())
    }

    /// Whose data the caller may touch.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which key it is, for logs and limits; `anonymous` where no keys are asked for. Never the key itself.
    pub fn key_id(&self) -> &Arc<str> {
        &self.key_id
    }

    /// Whether the caller may make calls of this kind.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.allow(permission)
    }
}
