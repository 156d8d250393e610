//! Health checks of the parts of the server.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::EmbedErrorKind;
use context_manager_core::{ContextEngine, Filter, Scope};
use context_manager_observability::{HealthCheck, HealthRegistry, Importance, Trouble};
use context_manager_redis::Connection;
use context_manager_resilience::CircuitBreaker;
use context_manager_vector_store::{LocalDisk, OpenStore};
use metrics::{Unit, describe_gauge};

use crate::auth::Authenticator;
use crate::config::Config;
use crate::service::Backend;
use crate::service::garbage_collector::GarbageCollector;

/// Name of the store in `/health`.
pub(crate) const STORE: &str = "vector_store";
/// Name of the embedder in `/health`; its worker reports under this name, too.
pub(crate) const EMBEDDER: &str = "embedder";

/// Time that the embedder counts as working after it embedded something: a service may charge for each text.
const PROVEN_FOR: Duration = Duration::from_mins(1);

/// Gauge of the bytes free on the disk that holds the data.
const DISK_FREE: &str = "context_manager_disk_free_bytes";
/// Gauge of the size of that disk.
const DISK_SIZE: &str = "context_manager_disk_size_bytes";

/// Describes this module's metrics to the installed recorder.
pub(crate) fn describe_metrics() {
    describe_gauge!(DISK_FREE, Unit::Bytes, "Bytes free on the disk that holds the data");
    describe_gauge!(DISK_SIZE, Unit::Bytes, "Size of the disk that holds the data");
}

/// Registers the checks of all parts. `scope` is any tenant's.
pub(crate) fn register(health: &HealthRegistry, backend: &Backend, store: &OpenStore, scope: Scope, config: &Config) {
    let engine = || Arc::clone(&backend.engine);
    health.register(STORE, Importance::Essential, Check::Store(engine(), scope));
    let helpful = |name, check| health.register(name, Importance::Helpful, check);
    helpful(EMBEDDER, Check::Embedder(engine()));
    helpful("l1", Check::WorkingMemory(engine()));
    helpful("pending", Check::Pending(engine(), config.health.pending_age_secs));
    if config.gc.enabled {
        helpful("gc", Check::Gc(Arc::clone(&backend.garbage_collector)));
    }
    if let Some(disk) = store.local_disk.clone() {
        helpful("disk", Check::Disk(disk, config.health.disk_low_bytes));
    }
}

/// Registers the check of the identity provider, if there is one.
pub(crate) fn register_identity_provider(health: &HealthRegistry, auth: &Arc<Authenticator>) {
    if auth.identity_provider_is_failing().is_some() {
        let check = Check::IdentityProvider(Arc::clone(auth));
        health.register("identity_provider", Importance::Helpful, check);
    }
}

/// Registers the check of the keys in the store, if servers share one.
pub(crate) fn register_shared_keys(health: &HealthRegistry, auth: &Arc<Authenticator>) {
    if auth.shared_keys_are_failing().is_some() {
        health.register("keys", Importance::Helpful, Check::SharedKeys(Arc::clone(auth)));
    }
}

/// Registers the check of the reranker, if there is one.
pub(crate) fn register_reranker(health: &HealthRegistry, circuit: Option<Arc<CircuitBreaker>>) {
    if let Some(circuit) = circuit {
        health.register("reranker", Importance::Helpful, Check::Reranker(circuit));
    }
}

/// Registers the check of the Redis that servers share, if there is one.
pub(crate) fn register_redis(health: &HealthRegistry, connection: Option<Arc<Connection>>) {
    if let Some(connection) = connection {
        health.register("redis", Importance::Helpful, Check::Redis(connection));
    }
}

/// Health check of a part.
#[derive(Debug)]
enum Check {
    /// The store answers, and is undamaged.
    Store(Arc<ContextEngine>, Scope),
    /// Texts can be embedded.
    Embedder(Arc<ContextEngine>),
    /// Working memory has room.
    WorkingMemory(Arc<ContextEngine>),
    /// No context has waited for its vector for this many seconds.
    Pending(Arc<ContextEngine>, u64),
    /// The last garbage collection left nothing undone.
    Gc(Arc<GarbageCollector>),
    /// The disk has more than this many bytes free.
    Disk(LocalDisk, u64),
    /// The keys that tokens are signed with can be read.
    IdentityProvider(Arc<Authenticator>),
    /// The keys in the store can be read.
    SharedKeys(Arc<Authenticator>),
    /// The last calls did not fail. No call is made, as a service may charge for it.
    Reranker(Arc<CircuitBreaker>),
    /// Redis answers.
    Redis(Arc<Connection>),
}

#[async_trait]
impl HealthCheck for Check {
    async fn check(&self) -> Result<(), Trouble> {
        match self {
            Self::Store(engine, scope) => check_store(engine, scope).await,
            Self::Embedder(engine) => check_embedder(engine).await,
            Self::WorkingMemory(engine) => match engine.l1_len() {
                (held, most) if held >= most => Err(Trouble::degraded(
                    "it is full: sessions idle longest leave, and are read back when they are used again",
                )),
                _ => Ok(()),
            },
            Self::Pending(engine, longest_secs) => check_pending(engine, *longest_secs).await,
            Self::Gc(collector) if collector.is_incomplete() => Err(Trouble::degraded(
                "the last run left something undone; the next one goes on",
            )),
            Self::Disk(disk, low_bytes) => check_disk(disk, *low_bytes).await,
            Self::IdentityProvider(auth) if auth.identity_provider_is_failing() == Some(true) => Err(
                Trouble::degraded("its keys cannot be read: tokens signed with new ones are refused"),
            ),
            Self::SharedKeys(auth) if auth.shared_keys_are_failing() == Some(true) => Err(Trouble::degraded(
                "those in the store cannot be read: new ones are refused, and revoked ones accepted",
            )),
            Self::Reranker(circuit) if circuit.check().is_err() => {
                Err(Trouble::degraded("it fails: searches keep the order of their scores"))
            }
            Self::Redis(connection) => connection.ping().await.map_err(|error| {
                tracing::warn!(%error, source = ?std::error::Error::source(&error), "Redis does not answer");
                Trouble::degraded(
                    "it does not answer: working memory is read from the store, and each server limits calls alone",
                )
            }),
            Self::Gc(_) | Self::IdentityProvider(_) | Self::SharedKeys(_) | Self::Reranker(_) => Ok(()),
        }
    }
}

async fn check_store(engine: &ContextEngine, scope: &Scope) -> Result<(), Trouble> {
    let read = engine.list(scope, Filter::default(), false, None, 1).await;
    read.map_err(|error| {
        tracing::warn!(%error, source = ?std::error::Error::source(&error), "the store does not answer");
        Trouble::unhealthy("it does not answer")
    })?;
    match engine.store_troubles().await {
        troubles if troubles.is_empty() => Ok(()),
        troubles => Err(Trouble::degraded(troubles.join("; "))),
    }
}

async fn check_embedder(engine: &ContextEngine) -> Result<(), Trouble> {
    engine.check_embedder(PROVEN_FOR).await.map_err(|error| {
        Trouble::degraded(match error.kind {
            EmbedErrorKind::Unavailable(_) => "it is not available: texts are embedded later, searches go by words",
            EmbedErrorKind::Refused => "it refuses texts: they are found by their words alone",
            EmbedErrorKind::DimensionMismatch { .. } => "its vectors have another size than those stored",
        })
    })
}

async fn check_pending(engine: &ContextEngine, longest_secs: u64) -> Result<(), Trouble> {
    let unknown = |_| Trouble::degraded("it is not known what waits: the store does not answer");
    let pending = engine.pending().await.map_err(unknown)?;
    let age = pending
        .oldest
        .map(|oldest| engine.now().duration_since(oldest).as_secs());
    match age {
        Some(age) if age >= i64::try_from(longest_secs).unwrap_or(i64::MAX) => Err(Trouble::degraded(format!(
            "{} contexts wait for their vectors, the first for {age} s",
            pending.contexts
        ))),
        _ => Ok(()),
    }
}

/// Checks the disk, and sets its gauges.
async fn check_disk(disk: &LocalDisk, low_bytes: u64) -> Result<(), Trouble> {
    let folder = disk.folder.clone();
    let sizes = tokio::task::spawn_blocking(move || -> std::io::Result<(u64, u64)> {
        Ok((fs4::available_space(&folder)?, fs4::total_space(&folder)?))
    });
    let unknown = || Trouble::degraded("its free space is not known");
    let sizes = sizes.await.map_err(|_panicked| unknown())?;
    let (free, size) = sizes.map_err(|_unreadable| unknown())?;
    metrics::gauge!(DISK_FREE).set(as_gauge(free));
    metrics::gauge!(DISK_SIZE).set(as_gauge(size));
    if free < disk.min_free_bytes {
        Err(Trouble::unhealthy(format!(
            "{free} bytes are free: stores and changes are refused"
        )))
    } else if free < low_bytes {
        Err(Trouble::degraded(format!("only {free} bytes are free")))
    } else {
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn as_gauge(bytes: u64) -> f64 {
    bytes as f64
}
