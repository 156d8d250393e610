//! Changes of the file of keys, for the command line and for operators who call the API.

use std::path::Path;

use context_manager_core::{InvalidTenant, TenantId};
use jiff::Timestamp;

use super::keys_file::{self, KeyRecord, KeysFileError};
use super::permission::Permissions;
use super::token::NewKey;
use super::user::BoundUser;

/// Maximum length of a key's name, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// A key to create.
#[derive(Debug, Clone)]
pub struct KeyRequest {
    /// Tenant whose data the key reaches.
    pub tenant: String,
    /// User whose contexts alone it reaches.
    pub user: Option<BoundUser>,
    /// Its permissions.
    pub permissions: Permissions,
    /// Time from which it is refused.
    pub expires_at: Option<Timestamp>,
    /// Name that its owner gives it.
    pub name: Option<String>,
}

/// State of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It is accepted.
    Valid,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

/// Reason for not changing the keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeysFileError),
    /// No key has this id.
    #[error("there is no key {0}")]
    Unknown(String),
    /// The key is revoked or expired.
    #[error("the key {0} is not valid any more; make a new one")]
    NotValid(String),
    /// The tenant's name is none.
    #[error("{0}")]
    Tenant(#[from] InvalidTenant),
    /// The tenant is the server's own.
    #[error("tenants that begin with `_` are the server's own")]
    Reserved,
    /// The name of the key is too long.
    #[error("a name has at most {MAX_NAME_BYTES} bytes")]
    Name,
    /// No permission was named.
    #[error("a key has at least one permission")]
    NoPermission,
    /// The key has a user, and permissions that reach beyond that user.
    #[error("a key that is bound to a user can have the permissions read and write alone")]
    Exceeds,
    /// The time is over already.
    #[error("{0} is over already")]
    Over(Timestamp),
    /// There are no random numbers.
    #[error("the operating system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

impl KeyState {
    /// Returns the state of a key at this time.
    pub fn of(key: &KeyRecord, now: Timestamp) -> Self {
        if key.revoked_at.is_some() {
            Self::Revoked
        } else if key.expires_at.is_some_and(|expires_at| expires_at <= now) {
            Self::Expired
        } else {
            Self::Valid
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Creates a key; also returns its record, and whether it is the first one.
///
/// # Errors
/// [`KeyError`].
pub fn create(path: &Path, request: KeyRequest, now: Timestamp) -> Result<(NewKey, KeyRecord, bool), KeyError> {
    if TenantId::try_new(&request.tenant)?.is_reserved() {
        return Err(KeyError::Reserved);
    }
    if request.name.as_ref().is_some_and(|name| name.len() > MAX_NAME_BYTES) {
        return Err(KeyError::Name);
    }
    if request.permissions.is_empty() {
        return Err(KeyError::NoPermission);
    }
    if request.user.is_some() && request.permissions.exceed(Permissions::of_one_user()) {
        return Err(KeyError::Exceeds);
    }
    check_future(request.expires_at, now)?;
    let key = NewKey::random()?;
    let record = KeyRecord {
        id: key.id.clone(),
        name: request.name,
        tenant: request.tenant,
        user: request.user,
        permissions: request.permissions,
        sha256: key.hash,
        created_at: now,
        expires_at: request.expires_at,
        revoked_at: None,
        rotated_from: None,
    };
    let first = keys_file::change(path, |keys| {
        keys.push(record.clone());
        Ok::<_, KeyError>(keys.len() == 1)
    })?;
    Ok((key, record, first))
}

/// Revokes a key and returns its record.
///
/// # Errors
/// [`KeyError`].
pub fn revoke(path: &Path, id: &str, now: Timestamp) -> Result<KeyRecord, KeyError> {
    keys_file::change(path, |keys| {
        let key = find(keys, id)?;
        key.revoked_at.get_or_insert(now);
        Ok(key.clone())
    })
}

/// Creates a key with the permissions of another one, which then ends at `old_ends`. Returns it and both records, the old one
/// first.
///
/// # Errors
/// [`KeyError`].
pub fn rotate(
    path: &Path,
    id: &str,
    old_ends: Timestamp,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(NewKey, [KeyRecord; 2]), KeyError> {
    check_future(expires_at, now)?;
    let key = NewKey::random()?;
    let records = keys_file::change(path, |keys| {
        let old = find(keys, id)?;
        if KeyState::of(old, now) != KeyState::Valid {
            return Err(KeyError::NotValid(id.to_owned()));
        }
        old.expires_at = Some(old.expires_at.map_or(old_ends, |ends| ends.min(old_ends)));
        let old = old.clone();
        let new = KeyRecord {
            id: key.id.clone(),
            sha256: key.hash,
            created_at: now,
            expires_at,
            rotated_from: Some(old.id.clone()),
            ..old.clone()
        };
        keys.push(new.clone());
        Ok([old, new])
    })?;
    Ok((key, records))
}

fn check_future(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), KeyError> {
    match expires_at {
        Some(time) if time <= now => Err(KeyError::Over(time)),
        Some(_) | None => Ok(()),
    }
}

fn find<'a>(keys: &'a mut [KeyRecord], id: &str) -> Result<&'a mut KeyRecord, KeyError> {
    let key = keys.iter_mut().find(|key| key.id == id);
    key.ok_or_else(|| KeyError::Unknown(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::auth::Permission;

    #[test]
    fn rotation_leaves_two_valid_keys_and_ends_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let request = KeyRequest {
            tenant: "acme".to_owned(),
            user: Some("ann".parse().unwrap()),
            permissions: vec![Permission::Read].into(),
            expires_at: None,
            name: Some("ci".to_owned()),
        };
        let (key, record, first) = create(&path, request, now).unwrap();
        assert!(first && key.hash == record.sha256);
        let hour = now + 1.hour();
        let (_, [old, new]) = rotate(&path, &record.id, hour, None, now).unwrap();
        assert_eq!((old.expires_at, new.expires_at), (Some(hour), None));
        assert_eq!((new.name.as_deref(), new.tenant.as_str()), (Some("ci"), "acme"));
        assert_eq!(new.rotated_from.as_ref(), Some(&record.id));
        assert_eq!(keys_file::read(&path).unwrap().keys, [old.clone(), new.clone()]);
        for key in [&old, &new] {
            assert_eq!(
                key.user.as_ref().map(BoundUser::as_str),
                Some("ann"),
                "both are bound to the user"
            );
            assert_eq!(KeyState::of(key, now), KeyState::Valid);
        }
        assert_eq!(KeyState::of(&old, hour), KeyState::Expired);
        assert_eq!(KeyState::of(&new, hour), KeyState::Valid);
        assert!(matches!(
            rotate(&path, &old.id, hour, None, hour),
            Err(KeyError::NotValid(_))
        ));

        assert_eq!(
            KeyState::of(&revoke(&path, &new.id, now).unwrap(), now),
            KeyState::Revoked
        );
        assert!(matches!(revoke(&path, "nobody", now), Err(KeyError::Unknown(_))));
    }

    #[test]
    fn a_key_that_could_not_be_used_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let good = KeyRequest {
            tenant: "acme".to_owned(),
            user: None,
            permissions: vec![Permission::Read].into(),
            expires_at: None,
            name: None,
        };
        let refused = [
            KeyRequest {
                tenant: "_own".to_owned(),
                ..good.clone()
            },
            KeyRequest {
                tenant: String::new(),
                ..good.clone()
            },
            KeyRequest {
                name: Some("n".repeat(101)),
                ..good.clone()
            },
            KeyRequest {
                permissions: Permissions::default(),
                ..good.clone()
            },
            KeyRequest {
                expires_at: Some(now),
                ..good.clone()
            },
            KeyRequest {
                user: Some("ann".parse().unwrap()),
                permissions: vec![Permission::Admin].into(),
                ..good
            },
        ];
        for request in refused {
            assert!(create(&path, request.clone(), now).is_err(), "{request:?}");
        }
        assert!(!path.exists());
    }
}
