//! Keys in a store that servers share: known, unknown, changed by others, lost, and out of reach.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::http::{HeaderMap, header};
use context_manager_core::TenantId;
use context_manager_core::ports::{
    Clock, ManualClock, SharedDocument, SharedDocuments, StoreError, StoreErrorKind, SystemClock,
};
use context_manager_vector_store::MemoryStore;
use jiff::{SignedDuration, Timestamp, ToSpan};
use uuid::Uuid;

use super::denied::Denied;
use super::management::{self, KeyError, KeyRequest};
use super::shared::{KEYS, KIND};
use super::{Authenticator, KeyPlaces, KeyRecord, NewKey, Permission, Place, usage};
use crate::config::Config;

/// A store that can be down, and lose everything.
#[derive(Debug)]
struct Fragile {
    inner: Mutex<Arc<MemoryStore>>,
    is_down: AtomicBool,
}

impl Fragile {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Arc::new(MemoryStore::new(1))),
            is_down: AtomicBool::new(false),
        })
    }

    fn lose_everything(&self) {
        *self.inner.lock().unwrap() = Arc::new(MemoryStore::new(1));
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    fn inner(&self) -> Result<Arc<MemoryStore>, StoreError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError {
                operation: "document",
                kind: StoreErrorKind::Unavailable(None),
                source: None,
            });
        }
        Ok(Arc::clone(&self.inner.lock().unwrap()))
    }
}

#[async_trait]
impl SharedDocuments for Fragile {
    async fn document_version(&self, kind: &str, name: &str) -> Result<Option<Uuid>, StoreError> {
        self.inner()?.document_version(kind, name).await
    }

    async fn document(&self, kind: &str, name: &str) -> Result<Option<SharedDocument>, StoreError> {
        self.inner()?.document(kind, name).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<(String, SharedDocument)>, StoreError> {
        self.inner()?.documents(kind).await
    }

    async fn delete_document(&self, kind: &str, name: &str) -> Result<(), StoreError> {
        self.inner()?.delete_document(kind, name).await
    }

    async fn replace_document(
        &self,
        kind: &str,
        name: &str,
        expected: Option<Uuid>,
        text: &str,
    ) -> Result<Option<Uuid>, StoreError> {
        self.inner()?.replace_document(kind, name, expected, text).await
    }
}

/// Servers on one store, each with a folder of its own.
struct Servers {
    store: Arc<Fragile>,
    folder: tempfile::TempDir,
}

impl Servers {
    fn new() -> Self {
        Self {
            store: Fragile::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn config(&self, name: &str) -> Config {
        let mut config = Config::default();
        config.vector_db.embedded.path = self.folder.path().join(name);
        config
    }

    fn places(&self, name: &str) -> KeyPlaces {
        let store: Arc<dyn SharedDocuments> = Arc::clone(&self.store) as _;
        KeyPlaces::new(self.config(name).keys_path(), Some(store))
    }

    fn start(&self, name: &str) -> Authenticator {
        self.start_with(name, |_| {})
    }

    fn start_with(&self, name: &str, change: impl FnOnce(&mut Config)) -> Authenticator {
        let mut config = self.config(name);
        change(&mut config);
        let open_to = TenantId::try_new("default").unwrap();
        Authenticator::open(&config, self.places(name), open_to, Arc::new(SystemClock)).unwrap()
    }

    /// Starts a server that reads the keys in the store.
    async fn started(&self, name: &str) -> Authenticator {
        let server = self.start(name);
        server.refresh_shared().await.unwrap();
        server
    }

    async fn create(&self) -> (NewKey, KeyRecord, bool) {
        management::create(&self.places("cli"), request(), now()).await.unwrap()
    }

    /// Makes a key in the file of a server, as one without a Qdrant server does.
    async fn create_in_file(&self, name: &str) -> (NewKey, KeyRecord, bool) {
        let places = KeyPlaces::new(self.config(name).keys_path(), None);
        management::create(&places, request(), now()).await.unwrap()
    }
}

fn request() -> KeyRequest {
    KeyRequest {
        tenant: "acme".to_owned(),
        user: None,
        permissions: vec![Permission::Read].into(),
        expires_at: None,
        name: None,
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

/// Returns the tenant of a caller with this key.
fn tenant(server: &Authenticator, key: Option<&NewKey>) -> Result<String, Denied> {
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        headers.insert(
            header::AUTHORIZATION,
            format!("Bearer {}", key.expose()).parse().unwrap(),
        );
    }
    let caller = server.authenticate(&headers)?;
    Ok(caller.scope().tenant().as_str().to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "compared with the answer to a caller")]
fn acme() -> Result<String, Denied> {
    Ok("acme".to_owned())
}

#[tokio::test]
async fn nobody_is_let_in_by_a_store_that_was_not_read_yet() {
    let servers = Servers::new();
    let (of_file, ..) = servers.create_in_file("with a file").await;
    servers.store.set_down(true);
    let [bare, with_file] = ["bare", "with a file"].map(|name| servers.start(name));
    bare.refresh_shared().await.unwrap_err();
    with_file.refresh_shared().await.unwrap_err();
    let stranger = NewKey::random().unwrap();
    assert!(bare.needs_keys() && with_file.needs_keys());
    assert_eq!(tenant(&bare, None), Err(Denied::TooEarly));
    assert_eq!(tenant(&with_file, None), Err(Denied::Missing));
    for server in [&bare, &with_file] {
        assert_eq!(
            tenant(server, Some(&stranger)),
            Err(Denied::TooEarly),
            "it may be in the store"
        );
    }
    assert_eq!(tenant(&with_file, Some(&of_file)), acme(), "those at hand count");
    // Also where the operator said that everybody may come in: other servers may ask for keys.
    let open = servers.start_with("open", |config| config.server.allow_unauthenticated = true);
    assert_eq!(tenant(&open, None), Err(Denied::TooEarly));

    servers.store.set_down(false);
    bare.refresh_shared().await.unwrap();
    with_file.refresh_shared().await.unwrap();
    assert_eq!(tenant(&bare, None), Ok("default".to_owned()), "there are none");
    assert_eq!(tenant(&with_file, Some(&stranger)), Err(Denied::Unknown));
}

#[tokio::test]
async fn the_first_key_closes_every_server_and_a_lost_document_opens_none() {
    let servers = Servers::new();
    let [one, two] = [servers.started("one").await, servers.started("two").await];
    for server in [&one, &two] {
        assert_eq!(tenant(server, None), Ok("default".to_owned()));
    }
    let (key, record, first) = servers.create().await;
    assert!(first);
    let late = servers.started("late").await;
    for server in [&one, &two, &late] {
        server.refresh_shared().await.unwrap();
        assert_eq!(tenant(server, None), Err(Denied::Missing));
        assert_eq!(tenant(server, Some(&key)), acme());
    }
    // With the store out of reach the last keys stay in force.
    servers.store.set_down(true);
    one.refresh_shared().await.unwrap_err();
    assert_eq!(one.shared_keys_are_failing(), Some(true));
    assert_eq!(
        (tenant(&one, Some(&key)), tenant(&one, None)),
        (acme(), Err(Denied::Missing))
    );
    servers.store.set_down(false);

    management::revoke(&servers.places("cli"), &record.id, now())
        .await
        .unwrap();
    one.refresh_shared().await.unwrap();
    assert_eq!(one.shared_keys_are_failing(), Some(false));
    assert_eq!(tenant(&one, Some(&key)), Err(Denied::Revoked));

    servers.store.lose_everything();
    for server in [&one, &two, &late] {
        server.refresh_shared().await.unwrap();
        assert_eq!(tenant(server, Some(&key)), Err(Denied::Unknown));
        assert_eq!(tenant(server, None), Err(Denied::Missing));
    }
    // Also after a restart, as each has recorded that keys were asked for; unless the operator decides otherwise.
    assert_eq!(tenant(&servers.started("two").await, None), Err(Denied::Missing));
    let opened = servers.start_with("two", |config| config.server.allow_unauthenticated = true);
    opened.refresh_shared().await.unwrap();
    assert_eq!(tenant(&opened, None), Ok("default".to_owned()));
}

#[tokio::test]
async fn a_document_without_keys_lets_nobody_in() {
    let servers = Servers::new();
    servers.store.replace_document(KIND, KEYS, None, "").await.unwrap();
    let server = servers.start_with("one", |config| config.server.allow_unauthenticated = true);
    server.refresh_shared().await.unwrap();
    assert_eq!(tenant(&server, None), Err(Denied::Missing));
}

#[tokio::test]
async fn a_server_that_other_machines_reach_lets_nobody_in_before_the_first_key() {
    let servers = Servers::new();
    let exposed = |config: &mut Config| config.server.host = "0.0.0.0".parse().unwrap();
    assert_eq!(
        {
            let mut config = servers.config("one");
            config.vector_db.qdrant.url = Some("http://localhost:6334".to_owned());
            exposed(&mut config);
            config.problems()
        },
        [""; 0],
        "the first key may come later"
    );
    let server = servers.start_with("one", exposed);
    server.refresh_shared().await.unwrap();
    assert_eq!(tenant(&server, None), Err(Denied::Missing));
    let (key, ..) = servers.create().await;
    server.refresh_shared().await.unwrap();
    assert_eq!(tenant(&server, Some(&key)), acme());

    let servers = Servers::new();
    let open = servers.start_with("one", |config| {
        exposed(config);
        config.server.allow_unauthenticated = true;
    });
    open.refresh_shared().await.unwrap();
    assert_eq!(tenant(&open, None), Ok("default".to_owned()), "the operator said so");
}

#[tokio::test]
async fn what_cannot_be_parsed_changes_nothing_and_lets_nobody_in() {
    let servers = Servers::new();
    let running = servers.started("running").await;
    let (key, ..) = servers.create().await;
    running.refresh_shared().await.unwrap();
    let version = servers.store.document_version(KIND, KEYS).await.unwrap();
    let damaged = "[[keys]]\nid = 1\nsha256 = \"hush\"\n";
    servers
        .store
        .replace_document(KIND, KEYS, version, damaged)
        .await
        .unwrap();
    // The second time it is not read again.
    for _ in 0..2 {
        let error = running.refresh_shared().await.unwrap_err().to_string();
        assert!(!error.contains("hush"), "{error}");
        assert_eq!(running.shared_keys_are_failing(), Some(true));
    }
    assert_eq!(tenant(&running, Some(&key)), acme());
    let starting = servers.start("starting");
    starting.refresh_shared().await.unwrap_err();
    assert_eq!(tenant(&starting, None), Err(Denied::TooEarly));
    let refused = management::create(&servers.places("cli"), request(), now()).await;
    assert!(matches!(refused, Err(KeyError::Shared(_))), "it is not overwritten");
}

#[tokio::test]
async fn a_key_is_changed_where_it_is_and_a_file_moves_to_the_store() {
    let servers = Servers::new();
    let places = servers.places("one");
    let (old, of_file, _) = servers.create_in_file("one").await;
    let (_, of_store, first) = servers.create().await;
    assert!(first, "it is the first in the store, and its maker's file has none");
    let (_, _, first) = management::create(&places, request(), now()).await.unwrap();
    assert!(!first);
    let hour = now() + 1.hour();
    let (of_rotation, [_, in_file]) = management::rotate(&places, &of_file.id, hour, None, now())
        .await
        .unwrap();
    let kept = async || -> Vec<(Place, String)> {
        let all = places.read_all().await.unwrap();
        all.into_iter().map(|(place, key)| (place, key.id)).collect()
    };
    let all = kept().await;
    assert_eq!(all[0], (Place::Store, of_store.id.clone()));
    let expected = [of_file.id.clone(), in_file.id.clone()].map(|id| (Place::File, id));
    assert_eq!(all[2..], expected);

    // With the store out of reach those of the file can still be revoked.
    servers.store.set_down(true);
    management::revoke(&places, &of_file.id, now()).await.unwrap();
    let unknown = management::revoke(&places, &of_store.id, now()).await.unwrap_err();
    assert!(matches!(unknown, KeyError::Shared(_)), "{unknown}");
    servers.store.set_down(false);
    let unknown = management::revoke(&places, "nobody", now()).await.unwrap_err();
    assert!(matches!(unknown, KeyError::Unknown(_)), "{unknown}");

    let server = servers.started("one").await;
    assert_eq!(tenant(&server, Some(&of_rotation)), acme());
    assert_eq!(management::move_to_store(&places, now()).await.unwrap().len(), 2);
    assert_eq!(management::move_to_store(&places, now()).await.unwrap().len(), 0);
    let all = kept().await;
    assert!(
        all.len() == 4 && all.iter().all(|(place, _)| *place == Place::Store),
        "{all:?}"
    );
    server.reload_if_changed();
    server.refresh_shared().await.unwrap();
    assert_eq!(tenant(&server, Some(&of_rotation)), acme());
    assert_eq!(tenant(&server, Some(&old)), Err(Denied::Revoked));
}

#[tokio::test]
async fn a_key_in_two_places_is_valid_only_in_both() {
    let servers = Servers::new();
    let (key, record, _) = servers.create_in_file("one").await;
    let file = servers.config("one").keys_path();
    let copy = std::fs::read_to_string(&file).unwrap();
    management::move_to_store(&servers.places("one"), now()).await.unwrap();
    std::fs::write(&file, copy).unwrap();
    let server = servers.started("one").await;
    assert_eq!(tenant(&server, Some(&key)), acme());
    management::revoke(&servers.places("cli"), &record.id, now())
        .await
        .unwrap();
    server.refresh_shared().await.unwrap();
    assert_eq!(
        tenant(&server, Some(&key)),
        Err(Denied::Revoked),
        "the file has it as valid"
    );
}

#[tokio::test]
async fn many_writers_lose_no_key() {
    let servers = Servers::new();
    let makers = (0..8).map(|_| servers.create());
    let made = futures::future::join_all(makers).await;
    let firsts = made.iter().filter(|(_, _, first)| *first).count();
    assert_eq!(firsts, 1);
    assert_eq!(servers.places("cli").read(Place::Store).await.unwrap().len(), 8);
}

#[tokio::test]
async fn a_full_document_loses_those_that_ended_first_and_refuses_more_of_valid_ones() {
    let servers = Servers::new();
    let places = servers.places("cli");
    let (_, kept, _) = servers.create().await;
    let year = SignedDuration::from_hours(24 * 365);
    let fill = async |ended: Option<Timestamp>| {
        let keys: Vec<KeyRecord> = (0..30_000)
            .map(|number| KeyRecord {
                id: format!("{number:016}"),
                revoked_at: ended.map(|at| at + SignedDuration::from_secs(number)),
                ..kept.clone()
            })
            .collect();
        let fill = move |known: &mut Vec<KeyRecord>| {
            known.truncate(1);
            known.extend(keys.iter().cloned());
            Ok(())
        };
        places.change(Place::Store, now(), fill).await
    };
    fill(Some(now() - year)).await.unwrap();
    let keys = places.read(Place::Store).await.unwrap();
    assert!((5_000..30_000).contains(&keys.len()), "{}", keys.len());
    assert_eq!(
        (&keys[0].id, keys.last().unwrap().id.as_str()),
        (&kept.id, "0000000000029999")
    );
    assert!(matches!(fill(None).await, Err(KeyError::Full)));
    assert_eq!(places.read(Place::Store).await.unwrap(), keys, "nothing changed");
}

#[tokio::test]
async fn uses_are_shared_when_they_are_news() {
    let servers = Servers::new();
    let (key, record, _) = servers.create().await;
    let start: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::new(start));
    let open_to = TenantId::try_new("default").unwrap();
    let server = Authenticator::open(
        &servers.config("one"),
        servers.places("one"),
        open_to,
        Arc::clone(&clock) as _,
    );
    let server = server.unwrap();
    server.refresh_shared().await.unwrap();
    let used = async || servers.places("cli").usage().await.get(&record.id).copied();
    assert_eq!(used().await, None);
    // Not lost by an outage.
    tenant(&server, Some(&key)).unwrap();
    servers.store.set_down(true);
    server.write_usage().await;
    servers.store.set_down(false);
    server.write_usage().await;
    assert_eq!(used().await, Some(start));
    clock.advance_secs(4 * 60);
    tenant(&server, Some(&key)).unwrap();
    server.write_usage().await;
    assert_eq!(used().await, Some(start), "not worth a write");
    clock.advance_secs(60);
    tenant(&server, Some(&key)).unwrap();
    server.write_usage().await;
    assert_eq!(used().await, Some(start + 5.minutes()));
    assert_eq!(usage::read(Path::new("nowhere")).len(), 0);
    assert!(!servers.config("one").keys_path().with_extension("used.toml").exists());
}
