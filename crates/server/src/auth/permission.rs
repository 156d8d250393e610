//! Permissions of callers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Permission for one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Admin, Self::Metrics, Self::TenantAdmin];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Metrics => "metrics",
            Self::TenantAdmin => "tenant_admin",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A permission that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a permission is one of read, write, tenant_admin, admin, metrics")]
pub struct UnknownPermission;

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|permission| permission.as_str() == name);
        named.ok_or(UnknownPermission)
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Permission>", into = "Vec<Permission>")]
pub struct Permissions(u8);

impl Permissions {
    /// Every permission there is.
    pub fn all() -> Self {
        Self::from(Permission::ALL.to_vec())
    }

    /// Returns whether these include a permission. `admin` includes all; no other permission includes another.
    pub fn allow(self, wanted: Permission) -> bool {
        self.holds(wanted) || self.holds(Permission::Admin)
    }

    /// Returns the most that a credential bound to a user can have: every other permission reaches beyond that user.
    pub fn of_one_user() -> Self {
        vec![Permission::Read, Permission::Write].into()
    }

    /// Returns whether these go beyond others.
    pub fn exceed(self, others: Self) -> bool {
        self.and(others) != self
    }

    /// Returns the permissions in both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn holds(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }
}

fn bit(permission: Permission) -> u8 {
    1 << (permission as u8)
}

impl From<Vec<Permission>> for Permissions {
    fn from(list: Vec<Permission>) -> Self {
        Self(list.into_iter().fold(0, |set, permission| set | bit(permission)))
    }
}

impl From<Permissions> for Vec<Permission> {
    fn from(set: Permissions) -> Self {
        Permission::ALL
            .into_iter()
            .filter(|permission| set.holds(*permission))
            .collect()
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Vec::from(*self).into_iter().map(Permission::as_str).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_may_do_everything_and_nothing_else_includes_anything() {
        for held in Permission::ALL {
            for wanted in Permission::ALL {
                let allowed = Permissions::from(vec![held]).allow(wanted);
                assert_eq!(allowed, held == wanted || held == Permission::Admin, "{held}, {wanted}");
            }
            assert!(!Permissions::default().allow(held));
        }
    }

    #[test]
    fn a_set_is_written_and_read_as_a_list() {
        let set = Permissions::from(vec![Permission::Write, Permission::Read]);
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["read","write"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(r#"["write","read"]"#).unwrap(), set);
        assert_eq!(set.to_string(), "read,write");
        assert_eq!("root".parse::<Permission>(), Err(UnknownPermission));
    }
}
