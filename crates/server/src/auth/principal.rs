//! Authenticated callers.

use std::sync::Arc;

use context_manager_core::{Scope, TenantId};

use super::permission::{Permission, Permissions};
use super::user::BoundUser;

/// Key id of a caller who needed no key.
const ANONYMOUS: &str = "anonymous";

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Principal {
    scope: Scope,
    key_id: Arc<str>,
    permissions: Permissions,
    claim: Option<Claim>,
    user: Option<BoundUser>,
}

/// Claim in which an identity provider's token says what its bearer may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// The claim's name.
    pub(crate) name: Arc<str>,
    /// Text that precedes the name of a permission in the claim.
    pub(crate) prefix: Arc<str>,
    /// Most permissions that a token may have.
    pub(crate) most: Permissions,
}

impl Principal {
    /// Creates a caller who proved to belong to this tenant. The only place that makes a [`Scope`] for a request.
    pub(super) fn new(tenant: TenantId, key_id: Arc<str>, permissions: Permissions) -> Self {
        Self {
            scope: Scope::authenticated(tenant),
            key_id,
            permissions,
            claim: None,
            user: None,
        }
    }

    /// Returns the caller as the bearer of a token.
    pub(super) fn by_token(self, claim: Claim) -> Self {
        Self {
            claim: Some(claim),
            ..self
        }
    }

    /// Binds the caller to a user, if there is one, without the permissions that reach beyond that user.
    pub(super) fn bound_to(self, user: Option<BoundUser>) -> Self {
        let permissions = match user {
            Some(_) => self.permissions.and(Permissions::of_one_user()),
            None => self.permissions,
        };
        Self {
            permissions,
            user,
            ..self
        }
    }

    /// Creates a caller where no keys are asked for.
    pub(crate) fn anonymous(tenant: TenantId) -> Self {
        Self::new(tenant, ANONYMOUS.into(), Permissions::all())
    }

    /// Returns the scope of the data that the caller may touch.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the id of the key, for logs and limits; `anonymous` where no keys are asked for.
    pub fn key_id(&self) -> &Arc<str> {
        &self.key_id
    }

    /// Returns every permission that the caller has, those included in others too.
    pub(crate) fn permissions(&self) -> impl Iterator<Item = Permission> + '_ {
        let all = Permission::ALL.into_iter();
        all.filter(|permission| self.may(*permission))
    }

    /// Returns the claim in which the caller's token says what the caller may do; `None` for keys.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }

    /// Returns the user whose contexts alone the caller may touch; `None` for those of every user.
    pub fn user(&self) -> Option<&str> {
        self.user.as_ref().map(BoundUser::as_str)
    }

    /// Returns whether the caller has a permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.allow(permission)
    }
}
