//! The caller, as the server knows it.

use serde::{Deserialize, Serialize};

/// Caller of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Caller {
    /// Tenant whose data the caller reaches.
    pub tenant: String,
    /// Id of the key or subject of the token; `anonymous` on a server that asks for none.
    pub key_id: String,
    /// User whose contexts alone the caller reaches; `null` for every user.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user_id: Option<String>,
    /// Permissions, those that others include as well.
    pub permissions: Vec<Permission>,
    /// True if the server asks for a key or a token.
    pub authentication: bool,
}

/// Permission for one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Reading, listing, searching and counting contexts.
    Read,
    /// Storing, changing and deleting contexts.
    Write,
    /// Operating the server with all its tenants; every other permission too.
    Admin,
    /// Reading metrics and the details of health.
    Metrics,
    /// Exporting, importing and collecting all that the caller's own tenant has.
    TenantAdmin,
}
