//! Changes of the keys, for the command line and for operators who call the API.

use context_manager_core::TenantId;
use jiff::Timestamp;

pub use super::key_error::KeyError;
use super::key_error::MAX_NAME_BYTES;
use super::keys_file::KeyRecord;
use super::permission::Permissions;
use super::places::{KeyPlaces, Place};
use super::token::NewKey;
use super::user::BoundUser;

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
pub async fn create(
    places: &KeyPlaces,
    request: KeyRequest,
    now: Timestamp,
) -> Result<(NewKey, KeyRecord, bool), KeyError> {
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
    let [place, others @ ..] = places.all() else {
        return Err(KeyError::NoStore);
    };
    let added = record.clone();
    let add = move |keys: &mut Vec<KeyRecord>| {
        keys.push(added.clone());
        Ok(keys.len() == 1)
    };
    let mut first = places.change(*place, now, add).await?;
    for other in others {
        first = first && places.read(*other).await.is_ok_and(|keys| keys.is_empty());
    }
    Ok((key, record, first))
}

/// Revokes a key and returns its record.
///
/// # Errors
/// [`KeyError`].
pub async fn revoke(places: &KeyPlaces, id: &str, now: Timestamp) -> Result<KeyRecord, KeyError> {
    let id = id.to_owned();
    let revoke = move |keys: &mut Vec<KeyRecord>| {
        let key = find(keys, &id)?;
        key.revoked_at.get_or_insert(now);
        Ok(key.clone())
    };
    places.change_first(now, revoke).await
}

/// Creates a key with the permissions of another one, which then ends at `old_ends`, in the same place. Returns it and both
/// records, the old one first.
///
/// # Errors
/// [`KeyError`].
pub async fn rotate(
    places: &KeyPlaces,
    id: &str,
    old_ends: Timestamp,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(NewKey, [KeyRecord; 2]), KeyError> {
    check_future(expires_at, now)?;
    let key = NewKey::random()?;
    let (id, new_id, hash) = (id.to_owned(), key.id.clone(), key.hash);
    let rotate = move |keys: &mut Vec<KeyRecord>| {
        let old = find(keys, &id)?;
        if KeyState::of(old, now) != KeyState::Valid {
            return Err(KeyError::NotValid(id.clone()));
        }
        old.expires_at = Some(old.expires_at.map_or(old_ends, |ends| ends.min(old_ends)));
        let old = old.clone();
        let new = KeyRecord {
            id: new_id.clone(),
            sha256: hash,
            created_at: now,
            expires_at,
            rotated_from: Some(old.id.clone()),
            ..old.clone()
        };
        keys.push(new.clone());
        Ok([old, new])
    };
    let records = places.change_first(now, rotate).await?;
    Ok((key, records))
}

/// Moves the keys of the file to the store, and returns their records. Those who hold them notice nothing.
///
/// # Errors
/// [`KeyError`]. A key is in both places if this fails halfway; to repeat it completes it.
pub async fn move_to_store(places: &KeyPlaces, now: Timestamp) -> Result<Vec<KeyRecord>, KeyError> {
    if places.store().is_none() {
        return Err(KeyError::NoStore);
    }
    let moved = places.read(Place::File).await?;
    if moved.is_empty() {
        return Ok(moved);
    }
    let copied = moved.clone();
    let copy = move |keys: &mut Vec<KeyRecord>| {
        for key in &copied {
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(key.clone());
            }
        }
        Ok(())
    };
    places.change(Place::Store, now, copy).await?;
    let gone = moved.clone();
    // One that was changed in the meantime stays, and is moved by the next call.
    let remove = move |keys: &mut Vec<KeyRecord>| {
        keys.retain(|key| !gone.contains(key));
        Ok(())
    };
    places.change(Place::File, now, remove).await?;
    Ok(moved)
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
    use crate::auth::{Permission, keys_file};

    #[tokio::test]
    async fn rotation_leaves_two_valid_keys_and_ends_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let places = &KeyPlaces::new(path.clone(), None);
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        let request = KeyRequest {
            tenant: "acme".to_owned(),
            user: Some("ann".parse().unwrap()),
            permissions: vec![Permission::Read].into(),
            expires_at: None,
            name: Some("ci".to_owned()),
        };
        let (key, record, first) = create(places, request, now).await.unwrap();
        assert!(first && key.hash == record.sha256);
        let hour = now + 1.hour();
        let (_, [old, new]) = rotate(places, &record.id, hour, None, now).await.unwrap();
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
            rotate(places, &old.id, hour, None, hour).await,
            Err(KeyError::NotValid(_))
        ));

        assert_eq!(
            KeyState::of(&revoke(places, &new.id, now).await.unwrap(), now),
            KeyState::Revoked
        );
        assert!(matches!(revoke(places, "nobody", now).await, Err(KeyError::Unknown(_))));
    }

    #[tokio::test]
    async fn a_key_that_could_not_be_used_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let places = &KeyPlaces::new(path.clone(), None);
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
            assert!(create(places, request.clone(), now).await.is_err(), "{request:?}");
        }
        assert!(!path.exists());
    }
}
