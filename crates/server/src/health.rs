//! Health checks of the parts of the server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use context_manager_core::ports::EmbedErrorKind;
use context_manager_core::{ContextEngine, Filter, Scope};
use context_manager_observability::{HealthCheck, HealthRegistry, Importance, Trouble};
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
    health.register(STORE, Importance::Essential, Store(engine(), scope));
    health.register(EMBEDDER, Importance::Helpful, Embedder(engine()));
    health.register("l1", Importance::Helpful, WorkingMemory(engine()));
    let pending = Pending {
        engine: engine(),
        longest_secs: config.health.pending_age_secs,
    };
    health.register("pending", Importance::Helpful, pending);
    if config.gc.enabled {
        health.register("gc", Importance::Helpful, Gc(Arc::clone(&backend.garbage_collector)));
    }
    if let Some(LocalDisk { folder, min_free_bytes }) = store.local_disk.clone() {
        let disk = Disk {
            folder,
            low_bytes: config.health.disk_low_bytes,
            writes_end_bytes: min_free_bytes,
        };
        health.register("disk", Importance::Helpful, disk);
    }
}

/// Registers the check of the identity provider, if there is one.
pub(crate) fn register_identity_provider(health: &HealthRegistry, auth: &Arc<Authenticator>) {
    if auth.identity_provider_is_failing().is_some() {
        let provider = IdentityProvider(Arc::clone(auth));
        health.register("identity_provider", Importance::Helpful, provider);
    }
}

/// Health check of the identity provider: the keys that tokens are signed with can be read.
#[derive(Debug)]
struct IdentityProvider(Arc<Authenticator>);

#[async_trait]
impl HealthCheck for IdentityProvider {
    async fn check(&self) -> Result<(), Trouble> {
        if self.0.identity_provider_is_failing() == Some(true) {
            return Err(Trouble::degraded(
                "its keys cannot be read: tokens signed with new ones are refused",
            ));
        }
        Ok(())
    }
}

/// Health check of the store: it answers, and is undamaged.
#[derive(Debug)]
struct Store(Arc<ContextEngine>, Scope);

#[async_trait]
impl HealthCheck for Store {
    async fn check(&self) -> Result<(), Trouble> {
        let read = self.0.list(&self.1, Filter::default(), false, None, 1).await;
        read.map(drop).map_err(|error| {
            tracing::warn!(%error, source = ?std::error::Error::source(&error), "the store does not answer");
            Trouble::unhealthy("it does not answer")
        })?;
        match self.0.store_troubles().await {
            troubles if troubles.is_empty() => Ok(()),
            troubles => Err(Trouble::degraded(troubles.join("; "))),
        }
    }
}

/// Health check of the embedder: texts can be embedded.
#[derive(Debug)]
struct Embedder(Arc<ContextEngine>);

#[async_trait]
impl HealthCheck for Embedder {
    async fn check(&self) -> Result<(), Trouble> {
        self.0.check_embedder(PROVEN_FOR).await.map_err(|error| {
            Trouble::degraded(match error.kind {
                EmbedErrorKind::Unavailable(_) => "it is not available: texts are embedded later, searches go by words",
                EmbedErrorKind::Refused => "it refuses texts: they are found by their words alone",
                EmbedErrorKind::DimensionMismatch { .. } => "its vectors have another size than those stored",
            })
        })
    }
}

/// Health check of working memory: it has room.
#[derive(Debug)]
struct WorkingMemory(Arc<ContextEngine>);

#[async_trait]
impl HealthCheck for WorkingMemory {
    async fn check(&self) -> Result<(), Trouble> {
        match self.0.l1_len() {
            (held, most) if held >= most => Err(Trouble::degraded(
                "it is full: sessions idle longest leave, and are read back when they are used again",
            )),
            _ => Ok(()),
        }
    }
}

/// Health check of pending embeddings: no context waits for its vector for long.
#[derive(Debug)]
struct Pending {
    engine: Arc<ContextEngine>,
    longest_secs: u64,
}

#[async_trait]
impl HealthCheck for Pending {
    async fn check(&self) -> Result<(), Trouble> {
        let unknown = |_| Trouble::degraded("it is not known what waits: the store does not answer");
        let pending = self.engine.pending().await.map_err(unknown)?;
        let age = pending.oldest.map(|oldest| self.engine.now().duration_since(oldest));
        let Some(age) = age.filter(|age| age.as_secs() >= i64::try_from(self.longest_secs).unwrap_or(i64::MAX)) else {
            return Ok(());
        };
        Err(Trouble::degraded(format!(
            "{} contexts wait for their vectors, the first for {} s",
            pending.contexts,
            age.as_secs()
        )))
    }
}

/// Health check of garbage collection: the last run left nothing undone.
#[derive(Debug)]
struct Gc(Arc<GarbageCollector>);

#[async_trait]
impl HealthCheck for Gc {
    async fn check(&self) -> Result<(), Trouble> {
        if self.0.is_incomplete() {
            return Err(Trouble::degraded(
                "the last run left something undone; the next one goes on",
            ));
        }
        Ok(())
    }
}

/// Health check of the disk: it has room. Sets its gauges, too.
#[derive(Debug)]
struct Disk {
    folder: PathBuf,
    low_bytes: u64,
    writes_end_bytes: u64,
}

#[async_trait]
impl HealthCheck for Disk {
    async fn check(&self) -> Result<(), Trouble> {
        let folder = self.folder.clone();
        let sizes = tokio::task::spawn_blocking(move || -> std::io::Result<(u64, u64)> {
            Ok((fs4::available_space(&folder)?, fs4::total_space(&folder)?))
        });
        let unknown = || Trouble::degraded("its free space is not known");
        let sizes = sizes.await.map_err(|_panicked| unknown())?;
        let (free, size) = sizes.map_err(|_unreadable| unknown())?;
        metrics::gauge!(DISK_FREE).set(as_gauge(free));
        metrics::gauge!(DISK_SIZE).set(as_gauge(size));
        if free < self.writes_end_bytes {
            Err(Trouble::unhealthy(format!(
                "{free} bytes are free: stores and changes are refused"
            )))
        } else if free < self.low_bytes {
            Err(Trouble::degraded(format!("only {free} bytes are free")))
        } else {
            Ok(())
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a floating-point number")]
fn as_gauge(bytes: u64) -> f64 {
    bytes as f64
}
