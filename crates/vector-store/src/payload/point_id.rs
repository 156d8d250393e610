//! Ids of points.

use context_manager_core::TenantId;
use context_manager_core::context::ContextId;
use uuid::Uuid;

/// Namespace of the ids of tenants. Changing it orphans all stored contexts.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f1d_0c7e_3a52_4b0b_9c4e_61f7_2d88_a913);

/// Derives the ids of a tenant's points.
///
/// The id of a point hashes the tenant and the id of the context, so that two tenants may use the same id, and another
/// tenant's id is an unknown id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointIds {
    namespace: Uuid,
}

impl PointIds {
    pub(crate) fn of(tenant: &TenantId) -> Self {
        Self {
            namespace: Uuid::new_v5(&NAMESPACE, tenant.as_str().as_bytes()),
        }
    }

    pub(crate) fn point(self, id: ContextId) -> Uuid {
        Uuid::new_v5(&self.namespace, id.0.as_bytes())
    }

    /// Returns the id of the point that counts a session of the tenant.
    pub(crate) fn session(self, session_id: &str) -> Uuid {
        Uuid::new_v5(&self.namespace, session_id.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(tenant: &str, id: ContextId) -> Uuid {
        PointIds::of(&TenantId::try_new(tenant).unwrap()).point(id)
    }

    #[test]
    fn tenants_never_share_a_point() {
        let id = ContextId::generate();
        assert_ne!(point("a", id), point("b", id));
        assert_ne!(point("a", id), id.0);
        assert_eq!(point("a", id), point("a", id));
    }

    #[test]
    fn points_never_move_between_versions() {
        let point = point("acme", ContextId(Uuid::from_u128(1)));
        assert_eq!(point.to_string(), "69cfc9a2-2701-5234-8e8c-0264f0bc99b6");
    }
}
