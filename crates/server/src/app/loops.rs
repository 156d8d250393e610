//! Background loops of a server.

use std::sync::Arc;
use std::time::Duration;

use context_manager_observability::{HealthRegistry, ProcessMetrics, Supervisor};
use tokio::time::{Instant, sleep};

use super::memory::Memory;
use super::pending::embed_pending;
use super::reindex::keep_indexed;
use crate::auth::Authenticator;
use crate::config::{AuthConfig, Config};
use crate::limits;
use crate::metrics::record_build_info;
use crate::service::Service;
use crate::service::garbage_collector::jittered;
use crate::systemd;

/// Interval of moving recorded metrics into their buckets.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// Interval of counting the stored contexts, shorter than Prometheus's default scrape interval. Counting never takes more
/// than a fiftieth of the time.
const MEASURE_INTERVAL: Duration = Duration::from_secs(10);
const MEASURE_REST: u32 = 50;
/// Pause between two looks at whether the keys are known.
const LOOK_FOR_KEYS: Duration = Duration::from_millis(20);

/// Starts the loops of an open store.
pub(super) fn start(loops: &Supervisor, service: &Arc<Service>, memory: &Memory, config: &Arc<Config>) {
    let engine = || Arc::clone(&memory.engine);
    let gc_interval = Duration::from_secs(config.hirag.gc_interval_secs);
    if config.gc.enabled {
        let collector = Arc::clone(&memory.garbage_collector);
        loops.every("gc", jittered(gc_interval), collector, |collector| async move {
            Box::pin(collector.run_for_all()).await;
        });
    }
    loops.every("idle_sessions", gc_interval, engine(), |engine| async move {
        let evicted = engine.evict_idle_sessions();
        if evicted > 0 {
            tracing::debug!(sessions = evicted, "idle sessions left memory");
        }
    });
    let interval = Duration::from_secs(config.hirag.access_flush_interval_secs);
    loops.every("access_flush", interval, engine(), |engine| async move {
        if let Err(error) = engine.flush_accesses().await {
            tracing::warn!(error = %error, "access counts were not written yet");
        }
    });
    let (store, embedders) = (memory.store.clone(), Arc::clone(&memory.embedders));
    let embedding = (
        (Arc::clone(config), store, embedders),
        (engine(), service.health.clone()),
    );
    loops.supervise("embed_pending", embedding, |(first, (engine, health))| async move {
        let (config, store, embedders) = first;
        embedders.reach(&config, &store).await;
        embed_pending(engine, config.embedding.background_texts_per_sec, health).await;
    });
    loops.supervise("reindex", engine(), keep_indexed);
    loops.supervise("recall_sampling", engine(), |engine| async move {
        engine.keep_measuring_recall().await;
    });
    if let Some(sessions) = memory.sessions.clone() {
        loops.supervise("shared_sessions", sessions, |sessions| async move {
            sessions.keep().await;
        });
    }
    loops.supervise("measure", engine(), |engine| async move {
        loop {
            let start = Instant::now();
            if let Err(error) = engine.measure().await {
                tracing::debug!(%error, "the stored contexts were not counted");
            }
            sleep(MEASURE_INTERVAL.max(start.elapsed() * MEASURE_REST)).await;
        }
    });
    loops.supervise("health_checks", service.health.clone(), |health| async move {
        health.keep_checking().await;
    });
    loops.supervise("process_metrics", (), |()| ProcessMetrics::default().keep_recording());
    if let Some(interval) = systemd::watchdog() {
        loops.every("watchdog", interval, (), |()| async { systemd::alive() });
    }
    record_build_info();
    let metrics = service.metrics.clone();
    loops.every("metrics_upkeep", METRICS_UPKEEP, metrics, |metrics| async move {
        metrics.run_upkeep();
    });
    loops.every(
        "rate_limits",
        limits::UPKEEP,
        Arc::clone(service),
        |service| async move {
            service.guards.rates.forget_idle();
        },
    );
    if service.guards.quotas.are_set() {
        let interval = Duration::from_secs(config.quotas.recount_interval_secs);
        let parts = (Arc::clone(service), engine());
        loops.every("quotas", interval, parts, |(service, engine)| async move {
            service.guards.quotas.recount(&engine).await;
        });
    }
}

/// Starts the loops that look for changed keys and write down which were used.
pub(super) fn keep_keys(loops: &Supervisor, authenticator: &Arc<Authenticator>, config: &AuthConfig) {
    let auth = || Arc::clone(authenticator);
    loops.supervise("identity_provider", auth(), |auth| async move {
        auth.follow_identity_provider().await;
    });
    let interval = Duration::from_millis(config.shared_reload_interval_ms);
    loops.supervise("shared_keys", auth(), move |auth| async move {
        auth.follow_shared(interval).await;
    });
    let interval = Duration::from_secs(config.reload_interval_secs);
    loops.every("key_reload", interval, auth(), |auth| async move {
        // It reads files.
        let done = tokio::task::spawn_blocking(move || auth.reload_if_changed()).await;
        if let Err(panicked) = done {
            // On to the supervisor.
            std::panic::resume_unwind(panicked.into_panic());
        }
    });
    let interval = Duration::from_secs(config.usage_flush_interval_secs);
    loops.every("key_usage", interval, auth(), |auth| async move {
        auth.write_usage().await;
    });
}

/// Waits until the loops above have read the keys of every place.
pub(super) async fn keys_known(authenticator: &Authenticator, health: &HealthRegistry) {
    if !authenticator.knows_all_keys() {
        health.wait_for("keys", "those in the store could not be read yet");
    }
    while !authenticator.knows_all_keys() {
        sleep(LOOK_FOR_KEYS).await;
    }
}
