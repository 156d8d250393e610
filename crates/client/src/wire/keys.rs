//! Keys, as operators see and make them.

use serde::{Deserialize, Serialize};

use super::{Permission, Time};

/// A key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Name that its owner gave it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub name: Option<String>,
    /// Tenant whose data it reaches.
    pub tenant: String,
    /// User of the tenant whose contexts alone it reaches; `null` for every user.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub user_id: Option<String>,
    /// Its permissions.
    pub permissions: Vec<Permission>,
    /// State.
    pub state: KeyState,
    /// Time of its creation.
    pub created_at: Time,
    /// Time from which it is refused; `null` for never.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub expires_at: Option<Time>,
    /// Time of its last use, known after some minutes.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub last_used_at: Option<Time>,
    /// Id of the key that it replaced.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub rotated_from: Option<String>,
}

/// State of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It is accepted.
    Valid,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// Every key of the server's file, in the order of their creation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyList {
    /// The keys.
    pub keys: Vec<Key>,
}

/// A key to create.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Tenant whose data it reaches.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub tenant: String,
    /// User of the tenant whose contexts alone it reaches. Default every user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 256))]
    pub user_id: Option<String>,
    /// Its permissions: with a user, `read` and `write` at most.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub permissions: Vec<Permission>,
    /// Name of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 100))]
    pub name: Option<String>,
    /// Time from which it is refused. Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// Times of a rotation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// Seconds that the old key stays valid; at most a year. Default a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 31_536_000))]
    pub grace_secs: Option<u32>,
    /// Time from which the new key is refused. Default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

/// A new key. `Debug` leaves its secret out.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedKey {
    /// The key itself. It is shown this once: the server keeps a hash.
    pub key: String,
    /// Record of the key.
    pub record: Key,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
